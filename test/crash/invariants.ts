import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Run, StepRecord } from '../../src/deploy/run.ts'
import { leaderLives } from '../../src/provider/process/group.ts'
import { dataPaths } from '../../src/provider/process/paths.ts'
import { namesIn, type ReplicaRecord, readRecord } from '../../src/provider/process/record.ts'
import type { ReplicaState } from '../../src/provider/provider.ts'
import { connectControl } from '../../src/router/proxy/control-client.ts'
import { runningProcess } from '../../src/router/proxy/find.ts'
import { placeOf } from '../../src/router/proxy/place.ts'
import type { RouteTable } from '../../src/router/router.ts'
import { disagreementsOf } from '../support/agreement.ts'
import { contradictionsOf } from '../support/history.ts'
import { groupOf, groupsOf } from '../support/processes.ts'
import type { Books } from './books.ts'

/** A data folder and what its store says. */
export interface World {
  readonly dataDir: string
  readonly books: Books
}

/**
 * Waits until the instances are at rest, and resolves to what does not hold of them then, one line each, none when all is well: what must
 * always hold (design, section 8), looked up in the processes, the proxy and the store themselves, whatever a control plane says. The
 * world has no instances but these. What a world at rest may still become right in is waited for, at most `patienceMs`.
 */
export async function violationsOf(
  world: World,
  instanceIds: readonly string[],
  patienceMs = 30_000,
): Promise<string[]> {
  const until = performance.now() + patienceMs
  for (let waitMs = 10; ; waitMs = Math.min(100, waitMs * 1.5)) {
    const unrest = await unrestOf(world, instanceIds)
    if (unrest.length === 0) break
    if (performance.now() > until) return [`not at rest after ${patienceMs} ms`, ...unrest]
    await delay(waitMs)
  }
  const wrong = await Promise.all(instanceIds.map(id => recordedWrong(world, id)))
  return wrong.flat()
}

/** Where the world is not as the tables want it, or somebody is still at work. */
async function unrestOf(world: World, instanceIds: readonly string[]): Promise<string[]> {
  const each = await Promise.all(instanceIds.map(id => instanceUnrest(world, id)))
  const unrest = [...each.flat(), ...(await strayPorts(world, instanceIds))]
  // To look at every process of the machine is dear, and says nothing before the rest is right.
  return unrest.length > 0 ? unrest : strayProcesses(world.dataDir, instanceIds)
}

async function instanceUnrest({ dataDir, books }: World, instanceId: string): Promise<string[]> {
  const record = await books.record(instanceId)
  if (!record) return [`there is no instance ${instanceId}`]
  const there = replicasOf(dataDir, instanceId)
  const routes = await routesOf(dataDir, instanceId)
  if (routes instanceof Error) return [`the proxy does not answer: ${routes.message}`]
  const at = record.owner === undefined ? [] : [`${record.owner} has the lease of ${instanceId}`]
  const replicas = there.map(replica => ({ ...replica, state: stateOf(replica) }))
  return [
    ...at,
    ...disagreementsOf({ table: record.table, replicas, routes }),
    ...misrouted(routes, there, record.ports),
    ...(record.instance.state === 'deleted' ? leftovers(dataDir, instanceId, routes) : []),
  ]
}

function stateOf(replica: ReplicaRecord): ReplicaState {
  if (!leaderLives(replica)) return 'exited'
  return replica.stoppingAt === undefined ? 'running' : 'stopping'
}

/** Each endpoint is where its replica listens, and each service where its address says. */
function misrouted(
  routes: RouteTable | undefined,
  replicas: readonly ReplicaRecord[],
  ports: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(routes?.services ?? {}).flatMap(([service, route]) => {
    const endpoints = Object.values(route.revisions).flatMap(revision => revision.endpoints)
    const wrong = endpoints.filter(({ replica, address, state }) => {
      const record = replicas.find(one => one.id === replica)
      return state === 'serving' && (!record || !Object.values(record.ports).includes(address.port))
    })
    return [
      ...wrong.map(({ replica }) => `${service} is routed to ${replica}, which is not there`),
      ...(route.port === ports[service] ? [] : [`${service} is at ${route.port}, reserved is ${ports[service]}`]),
    ]
  })
}

/** What a deleted instance has left behind. */
function leftovers(dataDir: string, instanceId: string, routes: RouteTable | undefined): string[] {
  const files = namesIn(dataPaths(dataDir).instance(instanceId).root)
  return [
    ...(routes ? [`the deleted ${instanceId} is still routed`] : []),
    ...(files.length > 0 ? [`the deleted ${instanceId} left ${files.join(', ')}`] : []),
  ]
}

/** Exactly the replicas' process groups and the proxy: no replica that nobody knows, no launcher, no task, no second proxy. */
function strayProcesses(dataDir: string, instanceIds: readonly string[]): string[] {
  // The control plane is not in it: it belongs to the group of the tests.
  const known = new Set(instanceIds.flatMap(id => replicasOf(dataDir, id).map(record => record.pid)))
  const proxy = runningProcess(placeOf(dataDir))?.pid
  if (proxy !== undefined) known.add(groupOf(proxy) ?? proxy)
  const own = groupOf(process.pid)
  return [...groupsOf(dataDir)]
    .filter(group => !known.has(group) && group !== own)
    .map(group => `the process group ${group} belongs to nobody`)
}

/** Reserved is exactly what the replicas hold and the routed services have. */
async function strayPorts({ dataDir, books }: World, instanceIds: readonly string[]): Promise<string[]> {
  const reserved = (await books.ports()).map(({ port, instanceId, purpose }) => `${port} ${instanceId} ${purpose}`)
  const held = await Promise.all(
    instanceIds.map(async id => [
      ...replicasOf(dataDir, id).flatMap(replica =>
        Object.values(replica.ports).map(port => `${port} ${id} replica:${replica.id}`),
      ),
      ...Object.entries((await books.record(id))?.ports ?? {}).map(
        ([service, port]) => `${port} ${id} route:${service}`,
      ),
    ]),
  )
  const all = held.flat()
  return [
    ...reserved.filter(line => !all.includes(line)).map(line => `port ${line} is reserved, and nobody has it`),
    ...all.filter(line => !reserved.includes(line)).map(line => `port ${line} is held, and not reserved`),
  ]
}

/** What the store tells that can't be. */
async function recordedWrong({ books }: World, instanceId: string): Promise<string[]> {
  const runs = await books.runs(instanceId)
  const performed = await Promise.all(runs.map(async run => misperformed(run, await books.steps(run.deployment.id))))
  return [...contradictionsOf(await books.history(instanceId)), ...performed.flat()]
}

/** What was performed is the printed plan, or a prefix of it, the step in flight included, followed by its undo. */
export function misperformed(run: Run, records: readonly StepRecord[]): string[] {
  const { deployment, plan, undo, undoSteps = [] } = run
  const wrong = (what: string): string => `${deployment.kind} ${deployment.id} (${deployment.strategy}) ${what}`
  const forward = records.filter(record => record.phase === 'forward')
  const back = records.filter(record => record.phase === 'undo')
  const isPrefix = (done: readonly StepRecord[], of: readonly unknown[]): boolean =>
    done.every(({ step, position }, index) => position === index && isDeepStrictEqual(step, of[index]))
  const unfinished = (done: readonly StepRecord[]): StepRecord[] =>
    done.filter(({ state }) => state !== 'done' && state !== 'skipped')
  // A strategy that decides while it runs has printed nothing.
  const steps = plan && !plan.steps ? forward.map(({ step }) => step) : (plan?.steps ?? [])
  return [
    ...(isPrefix(forward, steps) ? [] : [wrong('performed other steps than it had planned')]),
    ...(isPrefix(back, undoSteps) ? [] : [wrong('was undone by other steps than were planned')]),
    ...(unfinished(forward.slice(0, -1)).length === 0 ? [] : [wrong('left a step behind before it was done')]),
    ...(back.length > 0 && !undo ? [wrong('was undone without a cause')] : []),
    ...(deployment.state === 'succeeded' || deployment.state === 'rolled_back'
      ? [
          ...(undo ? [wrong('succeeded, and has a cause to be undone')] : []),
          ...(forward.length === steps.length && unfinished(forward).length === 0
            ? []
            : [wrong(`succeeded after ${forward.length} of ${steps.length} steps`)]),
        ]
      : []),
    ...(deployment.restored === true && (back.length !== undoSteps.length || unfinished(back).length > 0)
      ? [wrong('says it is restored, and was not undone to the end')]
      : []),
  ]
}

/** The replicas of an instance, as their records tell of them. */
export function replicasOf(dataDir: string, instanceId: string): ReplicaRecord[] {
  const { replicas } = dataPaths(dataDir).instance(instanceId)
  return namesIn(replicas)
    .filter(name => name.endsWith('.json'))
    .map(name => readRecord(join(replicas, name)) as ReplicaRecord | undefined)
    .filter(record => record !== undefined)
}

/** The table in use, asked of the proxy itself; the error when it does not answer. */
export async function routesOf(dataDir: string, instanceId: string): Promise<RouteTable | undefined | Error> {
  const running = runningProcess(placeOf(dataDir))
  if (!running) return new Error('none says that it runs')
  try {
    const client = await connectControl(running.socket, { onEnd: () => {} })
    try {
      return (await client.call('observe', { instanceId }, 5000)) ?? undefined
    } finally {
      client.close()
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
