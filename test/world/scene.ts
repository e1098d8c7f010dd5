import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Event } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Doomed, startDoomed } from '../support/doomed.ts'
import type { Own } from '../support/image.ts'
import type { Machine, Tenant } from '../support/machine.ts'
import { web } from '../support/services.ts'

/** How far a deployment is when the control plane is lost, and how it ends when that is back. */
export interface Moment {
  readonly strategy: string
  readonly options: Record<string, unknown>
  /** The step that has just begun. */
  readonly at: string
  /** Cancelled at that step; the moment is the first step back. */
  readonly cancelled?: true
  /** Somebody else may own the instance: it waits without a lease. */
  readonly parked?: true
  /** How its versions have to behave for the moment to last. */
  readonly own?: Omit<Own, 'version'>
  readonly end: Deployment['state']
  /** What it still needs to end, once the control plane is back. */
  readonly asks?: 'promote' | 'cancel'
}

/** The moments of a deployment that tell most, each lasting for seconds. Both versions have two replicas. */
export const moments = {
  'before the switch': {
    strategy: 'blue-green',
    options: { keepWarmSeconds: 0 },
    at: 'run',
    own: { listensAfterMs: 3000 },
    end: 'succeeded',
  },
  'in a hold': {
    strategy: 'canary',
    options: { steps: [60], holdSeconds: 4, keepWarmSeconds: 0 },
    at: 'hold',
    end: 'succeeded',
  },
  'in a parked hold': {
    strategy: 'canary',
    options: { steps: [60], holdSeconds: 3600, keepWarmSeconds: 0 },
    at: 'hold',
    parked: true,
    end: 'cancelled',
    asks: 'cancel',
  },
  'in a pause': {
    strategy: 'blue-green',
    options: { preview: true, keepWarmSeconds: 0 },
    at: 'pause',
    parked: true,
    end: 'succeeded',
    asks: 'promote',
  },
  'in a pause of some seconds': {
    strategy: 'canary',
    options: { steps: [{ weight: 60, holdSeconds: 0, pause: true, pauseSeconds: 6 }], keepWarmSeconds: 0 },
    at: 'pause',
    parked: true,
    end: 'succeeded',
  },
  'after the switch': {
    strategy: 'blue-green',
    options: { keepWarmSeconds: 0 },
    at: 'retire',
    own: { leavesAfterMs: 3000 },
    end: 'succeeded',
  },
  'in an undo': {
    strategy: 'canary',
    options: { steps: [60], holdSeconds: 3600, keepWarmSeconds: 0 },
    at: 'hold',
    cancelled: true,
    own: { leavesAfterMs: 3000 },
    end: 'cancelled',
  },
} as const satisfies Record<string, Moment>

export type MomentName = keyof typeof moments

/** A shop in the middle of a deployment. */
export interface Scene {
  readonly shop: Instance
  readonly moment: Moment
  readonly deploymentId: string
  /** The version it goes to. */
  readonly version: string
}

/** A shop to bring somewhere. Its name is part of its host name. */
export interface Wanted {
  readonly name: string
  readonly moment: MomentName
  /** How the new version behaves, beside what the moment asks for. */
  readonly own?: Omit<Own, 'version'>
  readonly options?: Record<string, unknown>
}

/** The shops for these moments, each with two replicas of version 1, at the host names `<name>.<tenant>.localhost`. */
export async function shopsFor(wanted: readonly Wanted[], machine: Machine, tenant: Tenant): Promise<Instance[]> {
  return await Promise.all(
    wanted.map(async ({ name, moment }) => {
      const { leavesAfterMs } = (moments[moment] as Moment).own ?? {}
      // An image of its own each, because equal ones share one copy.
      const own = { prints: [name], ...(leavesAfterMs === undefined ? {} : { leavesAfterMs }) }
      const image = await machine.server('1', own)
      return await tenant.up([web(image, { replicas: 2 })], { name })
    }),
  )
}

/**
 * Brings each shop to its moment under a control plane of its own process, kills that with -9, lets the world change, and opens the
 * machine again: what was to happen next happens by itself.
 */
export async function killedAt(
  wanted: readonly Wanted[],
  shops: readonly Instance[],
  machine: Machine,
  tenant: Tenant,
  change: (scenes: readonly Scene[]) => Promise<void>,
): Promise<Scene[]> {
  const images = await Promise.all(
    wanted.map(({ name, moment, own }) => machine.server(name, { ...(moments[moment] as Moment).own, ...own })),
  )
  const scenes: Scene[] = []
  await machine.reopen(async () => {
    const doomed = await startDoomed(machine.dataDir, tenant.id)
    try {
      const deploy = async (index: number): Promise<void> => {
        const { name, moment: named, options } = wanted[index] as Wanted
        const moment: Moment = moments[named]
        const shop = shops[index] as Instance
        const services = [{ name: 'web', image: images[index] ?? '' }]
        const request = {
          instanceId: shop.id,
          services,
          strategy: moment.strategy,
          options: { ...moment.options, ...options },
        }
        const deploymentId = await doomed.order({ kind: 'deploy', request })
        scenes[index] = { shop, moment, version: name, deploymentId }
      }
      const at = (index: number): Scene => scenes[index] as Scene
      // What lasts by itself comes first, so that nothing else is over when the last has come to its moment.
      const [lasting, passing] = [
        [...wanted.keys()].filter(index => lasts(moments[(wanted[index] as Wanted).moment])),
        [...wanted.keys()].filter(index => !lasts(moments[(wanted[index] as Wanted).moment])),
      ]
      for (const index of lasting) await deploy(index)
      for (const index of lasting) await reach(at(index), doomed, machine)
      for (const index of passing) await deploy(index)
      for (const index of passing) await reach(at(index), doomed, machine)
      for (const index of lasting) await turnBack(at(index), doomed)
    } finally {
      await doomed.kill()
    }
    await change(scenes)
  })
  return scenes
}

function lasts({ asks, cancelled }: Moment): boolean {
  return asks !== undefined || cancelled === true
}

/** Waits for a scene's moment, or for that in which it is to be cancelled. */
export async function reach({ deploymentId, moment, shop }: Scene, doomed: Doomed, machine: Machine): Promise<void> {
  await doomed.until(event => event.deploymentId === deploymentId && event.data?.['kind'] === moment.at)
  if (moment.parked) await until(() => stored(machine, shop.id)['owner'] === null, `${shop.name} is parked`)
}

/** Cancels it when its moment is in an undo, and waits for the first step back. */
export async function turnBack({ deploymentId, moment }: Scene, doomed: Doomed): Promise<void> {
  if (!moment.cancelled) return
  await doomed.order({ kind: 'cancel', deploymentId })
  await doomed.until((event: Event) => event.deploymentId === deploymentId && event.data?.['undo'] === true)
}

/** Gives a deployment what it still needs, and waits for the end that its moment has. */
export async function seeThrough(scene: Scene, tenant: Tenant): Promise<Deployment> {
  const { deploymentId, moment } = scene
  const { acting } = tenant
  if (moment.asks === 'promote') await acting.promote(deploymentId)
  if (moment.asks === 'cancel') await acting.cancel(deploymentId)
  const ended = await tenant.end({ id: deploymentId })
  assert.equal(ended.state, moment.end, ended.error)
  if (moment.end === 'cancelled') assert.equal(ended.restored, true)
  return ended
}

/** A deployment that was asked for and that nobody has begun: whoever recorded it is gone. */
export async function queuedFor(shop: Instance, machine: Machine, tenant: Tenant): Promise<string> {
  const recorder = await startDoomed(machine.dataDir, tenant.id, 'recorder')
  try {
    const services = [{ name: 'web', image: await machine.server('next') }]
    const options = { steps: [50], holdSeconds: 0.5, keepWarmSeconds: 0 }
    const request = { instanceId: shop.id, services, strategy: 'canary', options }
    return await recorder.order({ kind: 'deploy', request })
  } finally {
    await recorder.kill()
  }
}

/** The row of an instance, as the database has it. */
function stored({ dataDir }: Pick<Machine, 'dataDir'>, instanceId: string): Record<string, unknown> {
  const database = new DatabaseSync(join(dataDir, 'slipway.db'), { readOnly: true })
  try {
    return database.prepare('select * from instances where id = ?').get(instanceId) ?? {}
  } finally {
    database.close()
  }
}

/** Looks again and again at what tells nobody when it changes. The deadline is only there to tell healed from stuck. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, limitMs = 20_000): Promise<void> {
  for (const end = performance.now() + limitMs; !(await holds()); await delay(20)) {
    if (performance.now() > end) throw new Error(`It did not come to that within ${limitMs} ms: ${what}`)
  }
}
