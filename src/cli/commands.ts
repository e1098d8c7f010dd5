import type { Listed } from './command.ts'

/** Every command, in the order help tells them. A command is loaded when it is called, so that the others cost nothing. */
export const commands: Readonly<Record<string, Listed>> = {
  init: {
    summary: 'Write a slipway.yaml for what is in this folder',
    load: async () => (await import('./commands/init.ts')).init,
  },
  demo: {
    summary: 'A shop under load on a server of its own, moved by every strategy',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  tokens: {
    summary: 'Who may do what',
    under: {
      list: { summary: 'Tokens, newest first', load: async () => (await import('./commands/tokens/list.ts')).list },
    },
  },
}
