import type { Listed } from './command.ts'

/** Every command, in the order help tells them. A command is loaded when it is called, so that the others cost nothing. */
export const commands: Readonly<Record<string, Listed>> = {
  secrets: {
    summary: 'Values that services need and nobody reads',
    under: {
      list: { summary: 'Names and versions', load: async () => (await import('./commands/secrets/list.ts')).list },
      set: { summary: 'Keeps a new one', load: async () => (await import('./commands/secrets/set.ts')).set },
      rotate: {
        summary: 'A new version of one',
        load: async () => (await import('./commands/secrets/rotate.ts')).rotate,
      },
      revoke: {
        summary: 'Destroys one version',
        load: async () => (await import('./commands/secrets/revoke.ts')).revoke,
      },
      delete: {
        summary: 'Destroys all versions',
        load: async () => (await import('./commands/secrets/delete.ts')).remove,
      },
    },
  },
  tokens: {
    summary: 'Who may do what',
    under: {
      list: { summary: 'Tokens, newest first', load: async () => (await import('./commands/tokens/list.ts')).list },
      create: {
        summary: 'A new one; its secret is shown once',
        load: async () => (await import('./commands/tokens/create.ts')).create,
      },
      rotate: {
        summary: 'A new secret for one',
        load: async () => (await import('./commands/tokens/rotate.ts')).rotate,
      },
      revoke: {
        summary: 'Makes one good for nothing, at once',
        load: async () => (await import('./commands/tokens/revoke.ts')).revoke,
      },
    },
  },
}
