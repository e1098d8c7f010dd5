import { setTimeout as delay } from 'node:timers/promises'
import { descendantsOf, leaderLives } from '../../src/provider/process/group.ts'
import { isAlive, processStat } from '../../src/provider/process/proc.ts'
import type { ReplicaRecord } from '../../src/provider/process/record.ts'
import { runningProcess } from '../../src/router/proxy/find.ts'
import { placeOf } from '../../src/router/proxy/place.ts'
import { belongs } from '../support/processes.ts'
import type { ReplicaLot, Victims } from './draw.ts'
import { replicasOf, routesOf } from './invariants.ts'
import type { Stage } from './scenario.ts'
import { instances } from './trial.ts'

/** Who was killed, and what was there then. Times are those of the wall clock. */
export interface Strike {
  readonly at: number
  /** When none of them was there any more. */
  readonly goneAt: number
  readonly plane: boolean
  readonly proxy: boolean
  readonly replicas: readonly ReplicaRecord[]
  /** Replicas of the shop's web that had traffic and were left alone. */
  readonly left: ReadonlySet<string>
}

/** Kills them all at once, with SIGKILL, and waits until they are gone. */
export async function strike(stage: Stage, victims: Victims): Promise<Strike> {
  const { site } = stage
  const living = (await instances(stage)).flatMap(id => replicasOf(site.dataDir, id)).filter(leaderLives)
  const chosen = choose(living, victims.replicas)
  const replicas = chosen.map(({ record }) => record)
  const left = await servingWebs(stage, replicas)
  const proxy = victims.proxy ? proxyPid(site.dataDir) : undefined

  const groups = chosen.filter(({ record, whole }) => whole || descendantsOf(record).length === 0)
  const programs = chosen.flatMap(({ record }) => descendantsOf(record).map(({ pid }) => pid))
  const dying = [...groups.map(({ record }) => record.pid), ...programs, ...(proxy === undefined ? [] : [proxy])]
  const at = Date.now()
  const planeGone = victims.plane ? site.plane.kill() : undefined
  // A negative number is the whole group.
  for (const { record } of groups) kill(-record.pid)
  for (const pid of dying) kill(pid)
  await planeGone
  for (const until = performance.now() + 10_000; dying.some(pid => isAlive(processStat(pid))); await delay(1))
    if (performance.now() > until) throw new Error(`Killed, and still there: ${dying.join(', ')}`)
  return { at, goneAt: Date.now(), plane: victims.plane, proxy: proxy !== undefined, replicas, left }
}

/** Replicas of the shop's web that have traffic, but for some. */
export async function servingWebs(
  { site, shop }: Stage,
  but: readonly Pick<ReplicaRecord, 'id'>[],
): Promise<Set<string>> {
  const routes = await routesOf(site.dataDir, shop)
  const living = new Set(
    replicasOf(site.dataDir, shop)
      .filter(leaderLives)
      .map(({ id }) => id),
  )
  const revisions = routes instanceof Error ? {} : (routes?.services['web']?.revisions ?? {})
  const serving = Object.values(revisions)
    .filter(({ weight }) => weight > 0)
    .flatMap(({ endpoints }) => endpoints.filter(({ state }) => state === 'serving').map(({ replica }) => replica))
  return new Set(serving.filter(id => living.has(id) && but.every(other => other.id !== id)))
}

interface Chosen {
  readonly record: ReplicaRecord
  readonly whole: boolean
}

function choose(living: readonly ReplicaRecord[], lots: readonly ReplicaLot[]): Chosen[] {
  const rest = living.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return lots.flatMap(({ which, whole }) =>
    rest.splice(Math.floor(which * rest.length), 1).map(record => ({ record, whole })),
  )
}

/** A pid in a file says nothing of who has it now. */
function proxyPid(dataDir: string): number | undefined {
  const pid = runningProcess(placeOf(dataDir))?.pid
  return pid !== undefined && belongs(pid, dataDir) ? pid : undefined
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    void error // because it ended by itself just now
  }
}
