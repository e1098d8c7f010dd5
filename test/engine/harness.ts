import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Strategy } from '../../src/deploy/strategy.ts'
import type { Store } from '../../src/deploy/work.ts'
import type { Retention } from '../../src/engine/caretaker.ts'
import type { Event } from '../../src/event/event.ts'
import type { CheckFunction } from '../../src/health/checks.ts'
import type { Instance } from '../../src/instance/instance.ts'
import type { CreateInstanceRequest } from '../../src/instance/schema.ts'
import {
  type FakeClock,
  type FakeProvider,
  type FakeRouter,
  type FakeWorld,
  fakeClock,
  fakeProvider,
  fakeRouter,
} from '../../src/provider/fake/index.ts'
import { type Acting, createSlipway, type Slipway } from '../../src/slipway.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type Life, mortalClock, mortalProvider, mortalRouter, mortalStore } from './mortal.ts'

/** A whole Slipway on a fake platform, a fake router and a clock that stands still until somebody waits. */
export interface House {
  readonly slipway: Slipway
  readonly dataDir: string
  /** Ana, of tenant acme, who may do everything. */
  readonly acme: Acting
  readonly clock: FakeClock
  readonly store: Store
  readonly provider: FakeProvider
  readonly world: FakeWorld
  readonly router: FakeRouter
  /** What an operator would have been warned of. */
  readonly warnings: readonly { readonly text: string; readonly data: object }[]
  /** Lets time pass until the promise settles; fails after ten minutes of the fake clock. */
  until<T>(promise: Promise<T>, limitMs?: number): Promise<T>
  /** Lets time pass until the condition holds. */
  when(holds: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>
  /** Lets time pass until the deployment has ended. */
  end(of: Pick<Deployment, 'id'>, limitMs?: number): Promise<Deployment>
  /** Lets time pass until the deployment, looked at after each of its events, is as wanted. */
  reach(of: Pick<Deployment, 'id'>, is: (now: Deployment) => boolean, limitMs?: number): Promise<Deployment>
  /** An instance that runs. */
  shop(request?: Partial<CreateInstanceRequest>): Promise<Instance>
  /** Every event of a deployment, or of an instance, in order. */
  events(of: { readonly deploymentId?: string; readonly instanceId?: string }): Promise<Event[]>
}

/** What may be different about a house. */
export interface HouseOptions {
  readonly strategies?: readonly Strategy[]
  readonly checks?: Readonly<Record<string, CheckFunction>>
  readonly clock?: FakeClock
  readonly store?: Store
  readonly provider?: FakeProvider
  readonly router?: FakeRouter
  readonly dataDir?: string
  readonly retention?: Retention
  /** When it is over the house is dead, as after a kill -9; platform, router and store live on. */
  readonly life?: Life
}

const tenMinutes = 600_000

/** Puts a house up for one test and takes it down with it. */
export async function house(t: TestContext, options: HouseOptions = {}): Promise<House> {
  const clock = options.clock ?? fakeClock()
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'slipway-engine-')))
  if (options.dataDir === undefined) t.after(() => rm(dataDir, { recursive: true, force: true }))
  const store = options.store ?? (await sqliteStore({ path: ':memory:', clock }))
  const provider = options.provider ?? fakeProvider({ clock })
  const router = options.router ?? fakeRouter({ clock })
  const warnings: { text: string; data: object }[] = []
  const { life } = options
  const slipway = await createSlipway({
    dataDir,
    store: life ? mortalStore(store, life) : store,
    providers: [life ? mortalProvider(provider, life) : provider],
    router: life ? mortalRouter(router, life) : router,
    clock: life ? mortalClock(clock, life) : clock,
    ...(options.strategies ? { strategies: options.strategies } : {}),
    ...(options.checks ? { checks: options.checks } : {}),
    ...(options.retention ? { retention: options.retention } : {}),
    log: { info: () => {}, warn: (data, text) => void warnings.push({ text, data }) },
  })
  t.after(async () => {
    // Closing writes as well, and one that was killed while it closes would never have closed.
    life?.killAfter(Number.POSITIVE_INFINITY)
    if (!life?.over) await slipway.close()
  })
  const acme = slipway.as({ tenantId: 'acme', subject: 'ana' })
  const made: House = {
    slipway,
    dataDir,
    acme,
    clock,
    store,
    provider,
    world: provider.world,
    router,
    warnings,
    async until(promise, limitMs = tenMinutes) {
      return await clock.until(life ? Promise.race([promise, killed(life)]) : promise, limitMs)
    },
    async when(holds, limitMs) {
      const poll = async (): Promise<void> => {
        for (let waitMs = 2; !(await holds()); waitMs = Math.min(500, waitMs * 1.2)) await clock.sleep(waitMs)
      }
      await made.until(poll(), limitMs)
    },
    async end({ id }, limitMs) {
      return await orTell(id, made, () => made.until(acme.finished(id), limitMs))
    },
    async reach({ id }, is, limitMs) {
      const follow = async (): Promise<Deployment> => {
        for await (const event of acme.watch(id)) {
          void event // it only says that something changed
          const now = await acme.getDeployment(id)
          if (is(now)) return now
        }
        const { state, error } = await acme.getDeployment(id)
        throw new Error(`Deployment ${id} ended ${state} (${error}) before it came to that.`)
      }
      return await orTell(id, made, () => made.until(follow(), limitMs))
    },
    async shop(request = {}) {
      const created = await acme.instances.create({ name: 'shop', services: shopServices(), ...request })
      const { state, error } = await made.end(created.deployment)
      if (state !== 'succeeded') throw new Error(`The shop did not come up: ${state}, ${error}`)
      return await acme.instances.get(created.instance.id)
    },
    events: async of => await store.events.read({ ...of, after: 0, limit: 10_000 }),
  }
  return made
}

async function killed(life: Life): Promise<never> {
  await life.end
  throw new Error('The control plane was killed.')
}

/** Waits, and where that takes too long, says where the deployment hangs. */
async function orTell<T>(id: string, { store, warnings }: House, wait: () => Promise<T>): Promise<T> {
  try {
    return await wait()
  } catch (error) {
    const run = await store.work.run(id)
    const steps = (await store.work.steps(id)).map(({ phase, step, state }) => `${phase} ${step.name}: ${state}`)
    const known = JSON.stringify(
      { deployment: run?.deployment, undo: run?.undo, steps, warnings: warnings.slice(-5) },
      null,
      2,
    )
    throw new Error(`Deployment ${id} did not come to what was awaited. ${known}`, { cause: error })
  }
}

/** Another control plane on the same store, platform and router. */
export async function successor(t: TestContext, to: House, options: HouseOptions = {}): Promise<House> {
  return await house(t, {
    clock: to.clock,
    store: to.store,
    dataDir: to.dataDir,
    provider: fakeProvider({ clock: to.clock, world: to.world }),
    router: fakeRouter({ clock: to.clock, proxy: to.router.proxy }),
    ...options,
  })
}

/** A check that counts at once. */
export const quick = { type: 'http', minHealthyMs: 0 } as const

/** web, which needs api, both routed; and a worker. */
export function shopServices(): CreateInstanceRequest['services'] {
  return [
    { ...web('fake:web-1'), replicas: 2, dependsOn: ['api'], expose: true },
    { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], replicas: 2, healthCheck: quick },
    { name: 'worker', image: 'fake:worker-1' },
  ]
}

/** A routed service that counts as soon as it answers. */
export function web(image: string) {
  return { name: 'web', image, ports: [{ name: 'http' }], healthCheck: quick }
}
