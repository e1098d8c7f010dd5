import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Acting, createSlipway, type Deployment, type Provider, type Slipway } from '../src/index.ts'
import {
  type FakeProxy,
  type FakeWorld,
  fakeProvider,
  fakeProxy,
  fakeRouter,
  fakeWorld,
} from '../src/provider/fake/index.ts'

/** Many instances without their machines: a real database in a temporary folder, on a platform and a router in memory that outlive the control plane. */
export interface Fleet {
  /** The database. */
  readonly file: string
  readonly world: FakeWorld
  readonly proxy: FakeProxy
  /** Opens a control plane on it, the one before being closed. */
  open(options?: FleetOptions): Promise<Slipway>
  close(): Promise<void>
}

/** How the control plane of a fleet is opened. */
export interface FleetOptions {
  /** Default true. */
  readonly worker?: boolean
  /** Told of each look at an instance's replicas. */
  readonly onObserve?: (instanceId: string) => void
}

/** Makes one; `cleanup` takes it down. */
export async function openFleet(cleanup: AsyncDisposableStack): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const world = fakeWorld()
  const proxy = fakeProxy()
  let current: Slipway | undefined
  const close = async (): Promise<void> => {
    await current?.close()
    current = undefined
  }
  cleanup.defer(close)
  return {
    file: join(folder, 'slipway.db'),
    world,
    proxy,
    close,
    async open({ worker = true, onObserve } = {}) {
      await close()
      const provider = watched(fakeProvider({ world }), onObserve)
      current = await createSlipway({ dataDir: folder, providers: [provider], router: fakeRouter({ proxy }), worker })
      return current
    },
  }
}

function watched(provider: Provider, onObserve: FleetOptions['onObserve']): Provider {
  if (!onObserve) return provider
  return {
    ...provider,
    observe(instanceId, signal) {
      onObserve(instanceId)
      return provider.observe(instanceId, signal)
    },
  }
}

/** The caller of all that is measured. */
export function acmeOf(slipway: Slipway): Acting {
  return slipway.as({ tenantId: 'acme', subject: 'bench' })
}

/** The one service of every instance, which counts as soon as it answers. */
export function webOf(release: number) {
  const healthCheck = { type: 'http' as const, minHealthyMs: 0 }
  return { name: 'web', image: `fake:web-${release}`, ports: [{ name: 'http' }], healthCheck }
}

/** Asks for something of each, all at once, and resolves when all have succeeded. */
export async function allSucceed(
  slipway: Slipway,
  count: number,
  ask: (index: number) => Promise<Pick<Deployment, 'id'>>,
): Promise<void> {
  const left = new Set<string>()
  const early = new Set<string>()
  const all = Promise.withResolvers<void>()
  let asked = 0
  const look = (): void => {
    if (asked === count && left.size === 0) all.resolve()
  }
  const subscription = slipway.bus.subscribe(['deploy.succeeded', 'deploy.failed', 'deploy.cancelled'], event => {
    const id = event.deploymentId ?? ''
    if (event.type !== 'deploy.succeeded') all.reject(new Error(`${id}: ${JSON.stringify(event.data)}`))
    if (!left.delete(id)) early.add(id)
    look()
  })
  try {
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { id } = await ask(index)
        asked++
        if (!early.has(id)) left.add(id)
        look()
      }),
    )
    await all.promise
  } finally {
    await subscription.close()
  }
}

/** Brings up so many instances of one replica each; resolves to their ids. */
export async function bringUp(slipway: Slipway, count: number, name = 'shop'): Promise<string[]> {
  const acme = acmeOf(slipway)
  const ids: string[] = []
  await allSucceed(slipway, count, async index => {
    const { instance, deployment } = await acme.instances.create({ name: `${name}-${index}`, services: [webOf(1)] })
    ids.push(instance.id)
    return deployment
  })
  return ids
}
