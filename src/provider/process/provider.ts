import { accessSync, constants, mkdirSync, rmSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type Clock, systemClock } from '../../clock.ts'
import { messageOf, SlipwayError } from '../../errors.ts'
import { diskRoom } from '../../room.ts'
import type { Provider, Replica } from '../provider.ts'
import { commandOf } from './command.ts'
import type { Context } from './context.ts'
import { execBeside } from './exec.ts'
import { fences } from './fences.ts'
import { forgetInstance } from './forget.ts'
import { usedImages } from './image-uses.ts'
import { imageCopies } from './images.ts'
import { lockFolder } from './lock.ts'
import { type LogLimits, logFiles } from './log-files.ts'
import { queryLogs } from './log-query.ts'
import { observeReplica } from './observe.ts'
import { dataPaths, type Paths } from './paths.ts'
import { type PortRange, type PortReservations, portQueue, portsExhausted, replicaRange, someFree } from './ports.ts'
import { startPulse } from './pulse.ts'
import type { ReplicaRecord } from './record.ts'
import { replicaRecords } from './replicas.ts'
import { groupListens } from './socket.ts'
import { replicaStarts } from './start.ts'
import { stopReplicas } from './stop.ts'
import { endStrays } from './strays.ts'
import { taskRuns } from './task.ts'

export interface ProcessProviderOptions {
  /** Folder for images, records, logs and data; one process at a time holds it. */
  readonly dataDir: string
  /** First and last port that replicas may get, outside the ephemeral range of the system. Default 30000 to 32700. */
  readonly portRange?: PortRange
  readonly logs?: LogLimits
  /** Where replicas listen and are reached. Default 127.0.0.1. */
  readonly host?: string
  /** Who has which port. Default: in memory, from what the records say. */
  readonly ports?: PortReservations
  readonly clock?: Clock
  /** What npm finds around it when it fetches `npm:` images: its configuration, PATH. Default: the environment of this process. */
  readonly npmEnv?: Readonly<Record<string, string | undefined>>
  /** An image is copied only when so much stays free afterwards, bytes. Default 64 MiB. */
  readonly reserveBytes?: number
}

/**
 * Runs replicas as process groups on this machine, which outlive the control plane. Images are folders, `file:./api-1.2`, or
 * packages of npm, `npm:http-server@14.1.1`.
 * Throws `unavailable` when another process holds the data folder, `invalid_request` for a port range that can't be.
 *
 * @example
 * const provider = await processProvider({ dataDir: './data' })
 */
export async function processProvider(options: ProcessProviderOptions): Promise<Provider> {
  const { host = '127.0.0.1' } = options
  const range = replicaRange(options.portRange)
  const paths = dataPaths(resolve(options.dataDir))
  mkdirSync(paths.root, { recursive: true, mode: 0o700 })
  const lock = lockFolder(paths.root)
  const listeners = new Set<(instanceId: string) => void>()
  let open = true
  const ensureOpen = () => {
    if (!open) throw new SlipwayError('closed', 'The process provider was closed.')
  }
  const changed = (instanceId: string) => {
    for (const listener of listeners) listener(instanceId)
  }
  const context = await contextIn(paths, options, host, range, { ensureOpen, changed }).catch((error: unknown) => {
    lock.release()
    throw error
  })
  const { replicas } = context
  const pulse = startPulse(context)
  const tasks = taskRuns(context)

  return {
    name: 'process',
    capabilities: new Set(['command-probe']),
    resolve: (image, signal) => context.images.resolve(image, signal),
    async prepare(revision, onProgress, signal) {
      await context.images.prepare(revision.image, revision.digest, onProgress, signal)
      commandOf(revision, context.images.folderOf(revision.digest))
      onProgress(100, `${revision.image} is here`)
    },
    has: async digest => context.images.has(digest),
    async prune(keep, idleMs, signal) {
      const running = replicas.all().map(record => `sha256:${basename(record.cwd)}`)
      return await context.images.prune(new Set([...keep, ...running]), idleMs, signal)
    },
    start: replicaStarts(context),
    stop: (instanceId, ids, graceMs, fence) => stopReplicas(context, instanceId, ids, graceMs, fence),
    runTask: (revision, command, name, fence) => tasks.run(revision, command, name, fence),
    stopTask: (instanceId, service, name, graceMs, fence) => tasks.stop(instanceId, service, name, graceMs, fence),
    async observe(instanceId) {
      const seen = await Promise.all(replicas.of(instanceId).map(record => observeReplica(context, record)))
      return seen.filter(replica => replica !== undefined)
    },
    owns: async (replica, port) => {
      const record = recordOf(replica)
      return record !== undefined && groupListens(record, port)
    },
    exec(replica, command, timeoutMs, signal) {
      const record = recordOf(replica)
      if (!record) throw new SlipwayError('unavailable', `The replica ${replica.name} is gone.`)
      return execBeside(record, command, timeoutMs, signal)
    },
    watch(onChange) {
      listeners.add(onChange)
      return () => listeners.delete(onChange)
    },
    logs: (query, signal) => queryLogs(context.logs, paths.instance(query.instanceId).logs, query, signal),
    forget: (instanceId, fence) => forgetInstance(context, tasks, instanceId, fence),
    async check() {
      try {
        accessSync(paths.root, constants.R_OK | constants.W_OK | constants.X_OK)
      } catch (error) {
        return { ok: false, message: `The data folder cannot be written: ${messageOf(error)}.` }
      }
      if (!(await someFree(host, range))) return { ok: false, message: portsExhausted(range).message }
      const trouble = pulse.trouble()
      if (trouble !== undefined) return { ok: false, message: `Logs and replicas cannot be looked after: ${trouble}.` }
      return { ok: true, message: `Processes on ${host}, ports ${range[0]} to ${range[1]}, data in ${paths.root}.` }
    },
    async close() {
      open = false
      pulse.end()
      await context.images.close(new SlipwayError('closed', 'The process provider was closed.'))
      listeners.clear()
      lock.release()
    },
  }

  /** By its id: a successor with the same name is another one. */
  function recordOf({ id }: Replica): ReplicaRecord | undefined {
    return replicas.all().find(record => record.id === id)
  }
}

/** What earlier control planes left, and the parts to go on with. */
async function contextIn(
  paths: Paths,
  options: ProcessProviderOptions,
  host: string,
  range: PortRange,
  calls: Pick<Context, 'ensureOpen' | 'changed'>,
): Promise<Context> {
  // An npm that ends with the control plane that started it may still write its last.
  rmSync(paths.temporary, { recursive: true, force: true, maxRetries: 10 })
  for (const folder of [paths.images, paths.temporary, paths.instances])
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  const replicas = replicaRecords(paths)
  endStrays(paths, replicas)
  const found = replicas.all().toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1))
  const ports = options.ports ?? portQueue(range)
  await ports.restore(
    found.map(({ instanceId, id, ports: held }) => ({ instanceId, replicaId: id, ports: Object.values(held) })),
  )
  const living = found.filter(record => record.exitCode === undefined)
  const logs = logFiles(options.logs ?? {})
  const clock = options.clock ?? systemClock
  for (const record of living) logs.adopt(replicas.logFolder(record), record.id)
  return {
    paths,
    images: usedImages(
      imageCopies(paths, diskRoom(paths.root, options.reserveBytes), options.npmEnv ?? process.env),
      paths,
      clock,
    ),
    replicas,
    ports,
    logs,
    fences: fences(calls.ensureOpen, found),
    clock,
    host,
    watched: new Map(living.map(record => [record.id, record])),
    suspects: new Set(),
    ...calls,
  }
}
