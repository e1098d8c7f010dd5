import type { CreateInstanceRequest } from '../index.ts'
import { buildShop } from './shop/build.ts'
import type { ShopReleaseName } from './shop/releases.ts'
import type { Act } from './stage/act.ts'
import type { Play } from './stage/play.ts'

/** Short enough to be watched, long enough for some dozens of requests at 5 %. The limit of latency is one that a laptop which builds something beside keeps. */
const careful = {
  steps: [5, 25, 50, 100],
  holdSeconds: 3,
  checks: [
    { type: 'errors', maxRate: 0.01 },
    { type: 'latency', maxP95Ms: 5000 },
  ],
  keepWarmSeconds: 120,
}

type Images = Readonly<Record<string, ShopReleaseName>>

const instance = {
  name: 'shop',
  policies: { drainMs: 5000, progressDeadlineMs: 20_000 },
  services: [
    { ...routed('web'), image: 'web-1', replicas: 3, expose: true, dependsOn: ['api'] },
    { ...routed('api'), image: 'api-1', replicas: 2 },
    { name: 'worker', image: 'worker-1', dependsOn: ['api'] },
  ],
} satisfies CreateInstanceRequest

const acts: readonly Act[] = [
  deploy('api 1 → 2', 'rolling', { api: 'api-2' }),
  deploy('web 1 → 2', 'canary', { web: 'web-2' }, { options: careful }),
  deploy('web 2 → 3, api 2 → 3, worker 1 → 2', 'blue-green', { web: 'web-3', api: 'api-3', worker: 'worker-2' }),
  deploy('worker 2 → 3', 'recreate', { worker: 'worker-3' }),
  deploy('api 3 → broken', 'rolling', { api: 'api-broken' }, { ends: 'failed', because: 'crash_loop' }),
  deploy(
    'web 3 → leaky',
    'canary',
    { web: 'web-leaky' },
    { options: careful, ends: 'failed', because: 'check_failed' },
  ),
  deploy('web 3 → 4', 'blue-green', { web: 'web-4' }, { later: 'rolled_back' }),
  { kind: 'rollback', what: 'rollback, web 4 → 3', ends: 'succeeded' },
  deploy(
    'web 3 → 4',
    'canary',
    { web: 'web-4' },
    { options: careful, cancelAt: 25, ends: 'cancelled', because: 'cancelled' },
  ),
]

/** A shop under load: released by each strategy, broken, rolled back and cancelled, without a lost request. */
export const demo: Play = {
  title: 'Slipway: a shop under load',
  preparing: 'building the shop, starting the proxy',
  async prepare(folder) {
    await buildShop(folder)
  },
  opening: 'web 1, api 1, worker 1',
  instance,
  acts,
  load: { rps: 220, slowPerSecond: 2, websockets: 10 },
}

function routed(name: string) {
  return {
    name,
    ports: [{ name: 'http' }],
    healthCheck: { type: 'http' as const, path: '/healthz', minHealthyMs: 300 },
  }
}

type Strategy = Extract<Act, { kind: 'deploy' }>['strategy']
type More = Partial<Pick<Extract<Act, { kind: 'deploy' }>, 'options' | 'ends' | 'because' | 'later' | 'cancelAt'>>

function deploy(what: string, strategy: Strategy, images: Images, more: More = {}): Act {
  return { kind: 'deploy', what, strategy, images, ends: 'succeeded', ...more }
}
