import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Event } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Doomed, startDoomed } from '../support/doomed.ts'
import type { Own } from '../support/image.ts'
import type { Machine, Tenant } from '../support/machine.ts'
import { quick, web } from '../support/services.ts'
import { until } from '../support/until.ts'

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

/** For what they wait who are to be slow: see {@link giveSign}. */
export const go = 'go'

/** What those wait for who are ready for a moment that passes. */
const together = 'together'

/** The moments of a deployment that tell most, each lasting for seconds, or until a sign is given. Both versions have two replicas. */
export const moments = {
  'before the switch': {
    strategy: 'blue-green',
    options: { keepWarmSeconds: 0 },
    at: 'run',
    own: { listensAtSign: go },
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
    own: { leavesAtSign: go },
    end: 'succeeded',
  },
  'in an undo': {
    strategy: 'canary',
    options: { steps: [60], holdSeconds: 3600, keepWarmSeconds: 0 },
    at: 'hold',
    cancelled: true,
    own: { leavesAtSign: go },
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
      const { leavesAtSign } = (moments[moment] as Moment).own ?? {}
      // An image of its own each, because equal ones share one copy.
      const own = { prints: [name], ...(leavesAtSign === undefined ? {} : { leavesAtSign }) }
      return await shopNamed(name, machine, tenant, own)
    }),
  )
}

/** Rollouts that may take as long as a busy machine needs to come to all its moments. */
const patient = { progressDeadlineMs: 120_000, drainMs: 15_000 } as const

/** A shop with two replicas of version 1. */
export async function shopNamed(
  name: string,
  machine: Machine,
  tenant: Tenant,
  own: Omit<Own, 'version'> = {},
): Promise<Instance> {
  // What answers late on a busy machine is not unwell, and what leaves at a sign is given the time for it.
  const patience = { healthCheck: { ...quick, timeoutMs: 10_000 }, graceMs: 60_000 }
  const services = [web(await machine.server('1', own), { replicas: 2, ...patience })]
  return await tenant.up(services, { name, policies: patient })
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
    wanted.map(({ name, moment, own }) => machine.server(name, { ...howItBehaves(moments[moment]), ...own })),
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
      for (const index of wanted.keys()) await deploy(index)
      const passing = scenes.filter(({ moment }) => isPassing(moment))
      const lasting = scenes.filter(({ moment }) => !isPassing(moment))
      await Promise.all([
        ...lasting.map(scene => reach(scene, doomed, machine)),
        ...passing.map(scene => until(`${scene.shop.name} is ready to go on`, () => waiting(scene, machine) > 0)),
      ])
      for (const { shop } of passing) giveSign(machine, shop, together)
      await Promise.all(passing.map(scene => reach(scene, doomed, machine)))
      for (const scene of scenes) await turnBack(scene, doomed)
    } finally {
      await doomed.kill()
    }
    await change(scenes)
    for (const { shop } of scenes) giveSign(machine, shop)
  })
  return scenes
}

function howItBehaves(moment: Moment): Omit<Own, 'version'> {
  return isPassing(moment) ? { listensAtSign: together } : (moment.own ?? {})
}

/** Whether its time runs by itself: then it comes when all the others are there, lest it be over by then. */
function isPassing({ asks, cancelled, own }: Moment): boolean {
  return asks === undefined && cancelled === undefined && own === undefined
}

/** Lets those replicas of a shop listen, or leave, that wait for it: this once, and from now on. */
export function giveSign({ dataDir }: Machine, { id }: Instance, name: string = go): void {
  writeFileSync(join(dataFolder(dataDir, id), name), '')
}

/** What `web` of a shop has as $DATA. */
export function dataFolder(dataDir: string, instanceId: string): string {
  return join(dataDir, 'instances', instanceId, 'data', 'web')
}

/** Waits for a scene's moment, or for that in which it is to be cancelled. */
export async function reach(scene: Scene, doomed: Doomed, machine: Machine): Promise<void> {
  const { deploymentId, moment, shop } = scene
  const now = await doomed.until(
    event =>
      event.deploymentId === deploymentId && (event.data?.['kind'] === moment.at || event.type === 'deploy.undoing'),
  )
  assert.equal(now.data?.['kind'], moment.at, `${shop.name}: ${JSON.stringify(now.data)}`)
  if (moment.parked) await until(`${shop.name} is parked`, () => stored(machine, shop.id)['owner'] === null)
  // The step has begun; that there are replicas to which something can happen comes after.
  if (moment.at === 'run') await until(`the new replicas of ${shop.name} wait`, () => waiting(scene, machine) >= 2)
}

/** How many of the new version are there and do not listen yet. */
function waiting({ shop, version }: Scene, { dataDir }: Machine): number {
  const notes = readFileSync(join(dataFolder(dataDir, shop.id), 'timeline'), 'utf8')
  return notes.split('\n').filter(note => note.startsWith(`waits ${version} `)).length
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
