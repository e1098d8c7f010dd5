import type { Deployment, DeploymentState } from '../../src/deploy/deployment.ts'
import type { Moment, Order } from '../support/control-plane.ts'
import { web, worker } from '../support/services.ts'
import { replicasOf } from './invariants.ts'
import type { Site } from './site.ts'

/** A site with a shop on it, and the images it is moved between. */
export interface Stage {
  readonly site: Site
  /** The instance that is deployed to; another one is made and deleted beside it. */
  readonly shop: string
  readonly images: Images
}

export interface Images {
  readonly web: readonly [string, string]
  readonly worker: readonly [string, string]
  /** Exits as soon as it is started. */
  readonly crashing: string
  /** Runs, and is never healthy. */
  readonly deaf: string
}

type Asked = (stage: Stage) => Promise<Order>

/** Something that is said to a deployment, and when. */
export interface Said {
  readonly at: (now: Deployment) => boolean
  readonly say: 'cancel' | 'promote' | 'pause' | 'resume'
}

/** Something that is asked of a control plane, or happens under its eyes, and how it ends whenever that is killed. */
export interface Scenario {
  readonly name: string
  /** Brings the shop to where it begins. */
  ready?(stage: Stage): Promise<void>
  /** What is asked; or, where nothing is, what happens to the shop. */
  readonly begins: Asked | { readonly happens: (stage: Stage) => void }
  /** What is said to it, one after the other, each once it has come so far; unless it was said before. */
  readonly words?: readonly Said[]
  /** One of these, where it depends on what came first. */
  readonly ends: DeploymentState | readonly DeploymentState[]
  /** Requests are lost meanwhile, as its plan says: they are not counted. */
  readonly lossy?: true
  /** Where the first control plane dies, always. The moments are those of the second, from its start on. */
  readonly first?: Moment
}

const strategies = {
  rolling: {},
  'blue-green': { keepWarmSeconds: 0 },
  canary: { steps: [{ weight: 50, holdSeconds: 0.1 }], keepWarmSeconds: 0 },
  recreate: {},
} as const

const awaitsPromote = (now: Deployment): boolean => now.reason?.code === 'awaiting_promote'
const isPaused = (now: Deployment): boolean => now.reason?.code === 'paused'
const isHeld = (now: Deployment): boolean => awaitsPromote(now) || isPaused(now)
const awaitsHealth = (now: Deployment): boolean => now.reason?.code === 'health'

/** Nobody listens on port 1. */
const refusing = { type: 'http', url: 'http://127.0.0.1:1/' }

/** Everything that can be asked of an instance: each strategy with each of its ends, and each operation. */
export const scenarios: readonly Scenario[] = [
  { name: 'rolling succeeds', begins: moved('rolling'), ends: 'succeeded' },
  { name: 'blue-green succeeds', begins: moved('blue-green'), ends: 'succeeded' },
  { name: 'canary succeeds', begins: moved('canary'), ends: 'succeeded' },
  { name: 'recreate succeeds', begins: moved('recreate'), ends: 'succeeded', lossy: true },
  { name: 'rolling fails: its replicas crash', begins: webTo('rolling', 'crashing'), ends: 'failed' },
  { name: 'blue-green fails: its task does', begins: failingTask('blue-green'), ends: 'failed' },
  {
    name: 'canary fails: its check does',
    begins: moved('canary', { steps: [{ weight: 50, holdSeconds: 0.1, checks: [refusing] }] }),
    ends: 'failed',
  },
  { name: 'recreate fails: its replicas crash', begins: webTo('recreate', 'crashing'), ends: 'failed', lossy: true },
  {
    name: 'rolling is cancelled while it starts a replica',
    begins: webTo('rolling', 'deaf'),
    words: [{ at: awaitsHealth, say: 'cancel' }],
    ends: 'cancelled',
  },
  {
    name: 'blue-green is cancelled at its preview',
    begins: moved('blue-green', { preview: true }),
    words: [{ at: awaitsPromote, say: 'cancel' }],
    ends: 'cancelled',
  },
  {
    name: 'canary is cancelled at a gate, with traffic on both',
    begins: gated,
    words: [{ at: awaitsPromote, say: 'cancel' }],
    ends: 'cancelled',
  },
  {
    name: 'recreate is cancelled while nothing serves',
    begins: webTo('recreate', 'deaf'),
    words: [{ at: awaitsHealth, say: 'cancel' }],
    ends: 'cancelled',
    lossy: true,
  },
  {
    name: 'canary is promoted',
    begins: gated,
    words: [{ at: awaitsPromote, say: 'promote' }],
    ends: 'succeeded',
  },
  {
    name: 'canary is paused by hand, and resumed',
    begins: gated,
    // Whoever begins anew may find each of them said.
    words: [
      { at: isHeld, say: 'pause' },
      { at: isHeld, say: 'promote' },
      { at: isPaused, say: 'resume' },
    ],
    ends: 'succeeded',
  },
  {
    name: 'one that was cancelled is retried',
    ready: cancelled,
    begins: async ({ site }) => ({ kind: 'retry', deploymentId: (await site.books.newest()) ?? '' }),
    words: [{ at: awaitsPromote, say: 'promote' }],
    ends: 'succeeded',
  },
  { name: 'rollback, cold', ready: moveOn({ keepWarmSeconds: 0 }), begins: back, ends: 'succeeded' },
  { name: 'rollback, warm', ready: moveOn({ keepWarmSeconds: 300 }), begins: back, ends: 'succeeded' },
  { name: 'scale up', ready: atCount(1), begins: async stage => scaled(stage, 2), ends: 'succeeded' },
  { name: 'scale down', ready: atCount(2), begins: async stage => scaled(stage, 1), ends: 'succeeded' },
  { name: 'restart', begins: async ({ shop }) => ({ kind: 'restart', instanceId: shop }), ends: 'succeeded' },
  {
    name: 'stop',
    ready: inState('running', 'start'),
    begins: async ({ shop }) => ({ kind: 'stop', instanceId: shop }),
    ends: 'succeeded',
    lossy: true,
  },
  {
    name: 'start',
    ready: inState('stopped', 'stop'),
    begins: async ({ shop }) => ({ kind: 'start', instanceId: shop }),
    ends: 'succeeded',
    lossy: true,
  },
  {
    name: 'create',
    ready: async stage => {
      const id = await other(stage)
      if (id !== undefined) await done(stage, { kind: 'delete', instanceId: id })
    },
    begins: creation,
    ends: 'succeeded',
  },
  {
    name: 'delete',
    ready: async stage => {
      if ((await other(stage)) === undefined) await done(stage, await creation(stage))
    },
    begins: async stage => ({ kind: 'delete', instanceId: (await other(stage)) ?? '' }),
    ends: 'succeeded',
  },
  { name: 'a replica dies', begins: { happens: killWeb }, ends: 'succeeded', lossy: true },
  {
    name: 'rolling is taken up again',
    begins: moved('rolling'),
    first: { name: 'after provider.start', occurrence: 1 },
    ends: 'succeeded',
  },
  {
    name: 'an undo is taken up again',
    begins: moved('canary', { steps: [{ weight: 50, holdSeconds: 0.1, checks: [refusing] }] }),
    first: {
      name: 'after commit[work.advance,work.saveUndoSteps,deploys.updateDeployment,events.append]',
      occurrence: 1,
    },
    ends: 'failed',
  },
]

/** Makes a site with a shop that is up. */
export async function setStage(site: Site): Promise<Stage> {
  const images: Images = {
    web: [await site.server('1'), await site.server('2')],
    worker: [await site.worker('1'), await site.worker('2')],
    crashing: await site.server('crashing', { exits: 3 }),
    deaf: await site.server('deaf', { unhealthy: 'never' }),
  }
  const services = shopOf(images)
  const id = await site.plane.order({ kind: 'create', request: { name: 'shop', services } })
  const { state, instanceId } = await site.ended(id)
  if (state !== 'succeeded') throw new Error(`The shop did not come up: ${state}`)
  return { site, shop: instanceId, images }
}

function shopOf(images: Images) {
  return [web(images.web[0]), { ...worker(images.worker[0]), before: ['true'] }]
}

/** Both services to the images they do not run. */
export function moved(strategy: keyof typeof strategies, options: Record<string, unknown> = {}): Asked {
  return async stage => deploy(stage, strategy, await moving(stage), options)
}

export async function moving(stage: Stage) {
  const { images } = stage
  const other = async (service: 'web' | 'worker') => {
    const image = images[service][(await imageOf(stage, service)) === images[service][0] ? 1 : 0]
    return { name: service, image }
  }
  return [await other('web'), await other('worker')]
}

export function webTo(strategy: keyof typeof strategies, image: 'crashing' | 'deaf'): Asked {
  return async stage => deploy(stage, strategy, [{ name: 'web', image: stage.images[image] }])
}

/** A canary that waits at a gate, with half of the traffic on either side. */
async function gated(stage: Stage): Promise<Order> {
  return await moved('canary', { steps: [{ weight: 50, holdSeconds: 0, pause: true }] })(stage)
}

/** Leaves a deployment that was cancelled at that gate. */
async function cancelled(stage: Stage): Promise<void> {
  const { plane, ended } = stage.site
  const id = await plane.order(await gated(stage))
  await plane.until(({ type, deploymentId }) => type === 'deploy.paused' && deploymentId === id)
  await plane.order({ kind: 'cancel', deploymentId: id })
  await ended(id)
}

function failingTask(strategy: keyof typeof strategies): Asked {
  return async stage =>
    deploy(
      stage,
      strategy,
      (await moving(stage)).map(service => (service.name === 'worker' ? { ...service, before: ['false'] } : service)),
    )
}

export function deploy(
  { shop }: Stage,
  strategy: keyof typeof strategies,
  services: readonly { name: string; image: string; before?: string[] }[],
  options: Record<string, unknown> = {},
): Order {
  return {
    kind: 'deploy',
    request: { instanceId: shop, services: [...services], strategy, options: { ...strategies[strategy], ...options } },
  }
}

function moveOn(options: Record<string, unknown>) {
  return async (stage: Stage): Promise<void> => await done(stage, await moved('blue-green', options)(stage))
}

/** To the release that the active one replaced. */
async function back({ site, shop }: Stage): Promise<Order> {
  const [run] = (await site.books.runs(shop)).filter(({ deployment }) => deployment.state === 'succeeded')
  return { kind: 'rollback', request: { instanceId: shop, releaseId: run?.deployment.fromReleaseId ?? '' } }
}

export function scaled({ shop }: Stage, replicas: number): Order {
  return { kind: 'scale', instanceId: shop, replicas: { web: replicas } }
}

function atCount(replicas: number) {
  return async (stage: Stage): Promise<void> => {
    const record = await stage.site.books.record(stage.shop)
    const now = record?.instance.services.find(({ name }) => name === 'web')?.replicas
    if (now !== replicas) await done(stage, scaled(stage, replicas))
  }
}

function killWeb({ site, shop }: Stage): void {
  for (const { service, pid } of replicasOf(site.dataDir, shop)) if (service === 'web') process.kill(-pid, 'SIGKILL')
}

function inState(state: 'running' | 'stopped', by: 'start' | 'stop') {
  return async (stage: Stage): Promise<void> => {
    const record = await stage.site.books.record(stage.shop)
    if (record?.instance.state !== state) await done(stage, { kind: by, instanceId: stage.shop })
  }
}

async function creation({ images }: Stage): Promise<Order> {
  return { kind: 'create', request: { name: 'other', services: shopOf(images) } }
}

/** The instance beside the shop, while there is one. */
export async function other({ site, shop }: Stage): Promise<string | undefined> {
  return (await site.books.instances()).find(id => id !== shop)
}

async function imageOf({ site, shop }: Stage, service: string): Promise<string | undefined> {
  const record = await site.books.record(shop)
  return record?.instance.services.find(({ name }) => name === service)?.image
}

export async function done({ site }: Stage, order: Order): Promise<void> {
  const { kind, state, error } = await site.ended(await site.plane.order(order))
  if (state !== 'succeeded') throw new Error(`The ${kind} that was to prepare a scenario ended ${state}: ${error}`)
}
