import type { Play } from '../stage/play.ts'
import { installHttpServer, page } from './install.ts'

const versions = ['14.1.0', '14.1.1'] as const
const [old, new_] = versions

/** Two published versions of http-server: by canary from one to the next, and back. */
export const realProgram: Play = {
  title: `Slipway: http-server ${old} and ${new_} under load`,
  preparing: `installing http-server ${versions.join(' and ')} from npm`,
  async prepare(folder, signal) {
    const installed = await Promise.allSettled(versions.map(version => installHttpServer(version, folder, signal)))
    for (const one of installed) if (one.status === 'rejected') throw one.reason
  },
  opening: `http-server ${old}`,
  instance: {
    name: 'pages',
    policies: { drainMs: 5000, progressDeadlineMs: 20_000 },
    services: [
      {
        name: 'http-server',
        image: `http-server-${old}`,
        replicas: 2,
        expose: true,
        ports: [{ name: 'http' }],
        healthCheck: { type: 'http', minHealthyMs: 300 },
      },
    ],
  },
  acts: [
    {
      kind: 'deploy',
      what: `http-server ${old} → ${new_}`,
      strategy: 'canary',
      images: { 'http-server': `http-server-${new_}` },
      options: { holdSeconds: 1.5, checks: [{ type: 'errors', maxRate: 0.01 }] },
      ends: 'succeeded',
      later: 'rolled_back',
    },
    { kind: 'rollback', what: `rollback, http-server ${new_} → ${old}`, ends: 'succeeded' },
  ],
  load: { rps: 250, expect: { type: 'exact', service: 'http-server', body: page } },
}
