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
  up: {
    summary: 'A server on this machine, in this terminal',
    load: async () => (await import('./commands/up.ts')).up,
  },
  down: {
    summary: 'End the proxy of a data folder that no server holds',
    load: async () => (await import('./commands/down.ts')).down,
  },
  move: {
    summary: 'Move the data of a stopped server from SQLite to PostgreSQL',
    load: async () => (await import('./commands/move.ts')).move,
  },
  login: { summary: 'Keep the token of a server', load: async () => (await import('./commands/login.ts')).login },
  logout: { summary: 'Forget it', load: async () => (await import('./commands/logout.ts')).logout },
  context: {
    summary: 'The servers one is logged in to',
    under: {
      list: { summary: 'All of them', load: async () => (await import('./commands/context/list.ts')).list },
      use: {
        summary: 'The one that commands go to',
        load: async () => (await import('./commands/context/use.ts')).use,
      },
      show: { summary: 'The one in use', load: async () => (await import('./commands/context/show.ts')).show },
    },
  },
  ps: { summary: 'What runs where, and in which release', load: async () => (await import('./commands/ps.ts')).ps },
  plan: { summary: 'What a deploy would do', load: async () => (await import('./commands/plan.ts')).plan },
  deploy: {
    summary: 'Make a release and roll it out',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  watch: { summary: 'Follow a deployment to its end', load: async () => (await import('./commands/watch.ts')).watch },
  promote: {
    summary: 'Let a deployment go on that waits at a pause of its plan',
    load: async () => (await import('./commands/promote.ts')).promote,
  },
  pause: {
    summary: 'Let a deployment wait after its current step',
    load: async () => (await import('./commands/control.ts')).pause,
  },
  resume: {
    summary: 'Let a deployment go on that somebody paused',
    load: async () => (await import('./commands/control.ts')).resume,
  },
  cancel: {
    summary: 'Stop a deployment, and put back what served before',
    load: async () => (await import('./commands/control.ts')).cancel,
  },
  rollback: {
    summary: 'Bring back a release that was active before',
    load: async () => (await import('./commands/rollback.ts')).rollback,
  },
  retry: {
    summary: 'Ask again for what failed or was cancelled',
    load: async () => (await import('./commands/control.ts')).retry,
  },
  releases: {
    summary: 'What was brought out before, and what came of it',
    load: async () => (await import('./commands/releases.ts')).releases,
  },
  diff: { summary: 'What differs between two releases', load: async () => (await import('./commands/diff.ts')).diff },
  logs: { summary: 'What replicas write', load: async () => (await import('./commands/logs.ts')).logs },
  events: { summary: 'What happens, in its order', load: async () => (await import('./commands/events.ts')).events },
  audit: { summary: 'Who did what', load: async () => (await import('./commands/audit.ts')).audit },
  tenants: {
    summary: 'For operators: whom there is, and what each may have',
    under: {
      list: {
        summary: 'Tenants that were created, newest first',
        alias: 'ls',
        load: async () => (await import('./commands/tenants/list.ts')).list,
      },
      get: {
        summary: 'One of them',
        load: async () => (await import('./commands/tenants/get.ts')).get,
      },
      create: {
        summary: 'Create one, with limits',
        load: async () => (await import('./commands/tenants/create.ts')).create,
      },
      update: {
        summary: 'Change its title, suspend it, or make it active again',
        load: async () => (await import('./commands/tenants/update.ts')).update,
      },
      delete: {
        summary: 'Delete one that has nothing any more',
        load: async () => (await import('./commands/tenants/delete.ts')).remove,
      },
      quota: {
        summary: 'What it uses and may have; sets limits',
        load: async () => (await import('./commands/tenants/quota.ts')).quota,
      },
    },
  },
  webhooks: {
    summary: 'Who is told of what happens',
    under: {
      list: {
        summary: 'Webhooks, newest first',
        alias: 'ls',
        load: async () => (await import('./commands/webhooks/list.ts')).list,
      },
      get: {
        summary: 'One of them',
        load: async () => (await import('./commands/webhooks/get.ts')).get,
      },
      create: {
        summary: 'Send what happens to a URL',
        load: async () => (await import('./commands/webhooks/create.ts')).create,
      },
      update: {
        summary: 'Change what it is told and where; disable it, or enable it again',
        load: async () => (await import('./commands/webhooks/update.ts')).update,
      },
      delete: {
        summary: 'Delete one with its deliveries',
        load: async () => (await import('./commands/webhooks/delete.ts')).remove,
      },
      test: {
        summary: 'Send it a ping',
        load: async () => (await import('./commands/webhooks/ping.ts')).ping,
      },
      rotate: {
        summary: 'Give it a new secret',
        load: async () => (await import('./commands/webhooks/rotate.ts')).rotate,
      },
      deliveries: {
        summary: 'What was sent to it, and what came of it',
        load: async () => (await import('./commands/webhooks/deliveries.ts')).deliveries,
      },
      replay: {
        summary: 'Send one delivery again, or everything since a moment',
        load: async () => (await import('./commands/webhooks/replay.ts')).replay,
      },
    },
  },
  run: {
    summary: 'Run one command beside the replicas of a service',
    load: async () => (await import('./commands/run.ts')).run,
  },
  tasks: {
    summary: 'What slipway run started',
    under: {
      watch: {
        summary: 'Write what one writes, up to its end',
        load: async () => (await import('./commands/tasks/watch.ts')).watch,
      },
      cancel: { summary: 'Stop one', load: async () => (await import('./commands/tasks/cancel.ts')).cancel },
    },
  },
  instances: {
    summary: 'What is declared, and what is done to it as a whole',
    under: {
      list: {
        summary: 'Instances, newest first',
        alias: 'ls',
        load: async () => (await import('./commands/instances/list.ts')).list,
      },
      get: { summary: 'One of them', load: async () => (await import('./commands/instances/get.ts')).get },
      create: {
        summary: 'Make one from a file, and bring it up',
        load: async () => (await import('./commands/instances/create.ts')).create,
      },
      scale: {
        summary: 'Change how many replicas services have',
        load: async () => (await import('./commands/instances/scale.ts')).scale,
      },
      stop: {
        summary: 'Take one down; it stays declared',
        load: async () => (await import('./commands/instances/acts.ts')).stop,
      },
      start: {
        summary: 'Bring a stopped one up',
        load: async () => (await import('./commands/instances/acts.ts')).start,
      },
      restart: {
        summary: 'Replace replicas by new ones of the same revision',
        load: async () => (await import('./commands/instances/acts.ts')).restart,
      },
      adopt: {
        summary: 'Say that you have looked at one that needs attention',
        load: async () => (await import('./commands/instances/acts.ts')).adopt,
      },
      delete: {
        summary: 'Delete one with its data',
        load: async () => (await import('./commands/instances/delete.ts')).remove,
      },
    },
  },
  secrets: {
    summary: 'Values that services need and nobody reads',
    under: {
      list: {
        summary: 'Names and versions',
        alias: 'ls',
        load: async () => (await import('./commands/secrets/list.ts')).list,
      },
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
      list: {
        summary: 'Tokens, newest first',
        alias: 'ls',
        load: async () => (await import('./commands/tokens/list.ts')).list,
      },
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
  explain: {
    summary: 'What a code of an error means, and what to do',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  doctor: {
    summary: 'Whether all that commands need is right',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  config: {
    summary: 'What commands go by, and where it came from',
    load: async () => (await import('./commands/config.ts')).config,
  },
  completion: {
    summary: 'What a shell needs to complete slipway at Tab',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  __complete: {
    summary: 'What the last of some words can become',
    hidden: true,
    load: async () => (await import('./commands/complete.ts')).complete,
  },
}
