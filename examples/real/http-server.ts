import type { Play } from '../../src/demo/stage/play.ts'
import { writes } from './files.ts'

const versions = ['14.1.0', '14.1.1'] as const
const [old, new_] = versions

const page = `<!doctype html><title>Pages</title>\n${'<p>The same page from every version.</p>\n'.repeat(100)}`

/** Two published versions of http-server: by canary from one to the next, and back. */
export const httpServer: Play = {
  title: `Slipway: http-server ${old} and ${new_} under load`,
  preparing: `looking http-server ${old} up in npm`,
  opening: `http-server ${old}`,
  instance: {
    name: 'pages',
    policies: { drainMs: 5000, progressDeadlineMs: 20_000 },
    services: [
      {
        name: 'http-server',
        image: `npm:http-server@${old}`,
        before: writes({ 'public/index.html': page }),
        args: ['$DATA/public', '-p', '$PORT', '-a', '127.0.0.1', '-c-1', '--silent'],
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
      images: { 'http-server': `npm:http-server@${new_}` },
      options: { holdSeconds: 1.5, checks: [{ type: 'errors', maxRate: 0.01 }] },
      ends: 'succeeded',
      later: 'rolled_back',
    },
    { kind: 'rollback', what: `rollback, http-server ${new_} → ${old}`, ends: 'succeeded' },
  ],
  load: { rps: 250, expect: { type: 'exact', service: 'http-server', body: page } },
}
