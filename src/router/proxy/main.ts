import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import { noSuccessor, oldestProtocol, protocol } from './control.ts'
import type { Answers } from './control-server.ts'
import { DataPlane } from './data-plane.ts'
import { descriptorLimit } from './descriptors.ts'
import { runningProcess } from './find.ts'
import { handOver } from './hand-over.ts'
import { argumentsOf } from './launch.ts'
import { cappedLog } from './log-cap.ts'
import { placeOf } from './place.ts'
import { Presence } from './presence.ts'
import { takeOver } from './take-over.ts'
import { ownVersion } from './version.ts'

// The proxy's process: data plane of one data folder. It outlives whoever started it.

const shutdownGraceMs = 5000
const { values: args } = parseArgs({
  options: {
    state: { type: 'string' },
    'front-port': { type: 'string', default: '0' },
    promised: { type: 'boolean', default: false },
    store: { type: 'string' },
    'take-over': { type: 'boolean', default: false },
  },
})
if (args.state === undefined) throw new Error('--state is missing')
const place = placeOf(dirname(args.state))
const log = pino({ base: { pid: process.pid } }, cappedLog(place.log))
const front = keptFrontPort()
const plane = new DataPlane({
  folder: place.tables,
  frontPort: front ?? Number(args['front-port']),
  storeId: args.store,
  descriptors: descriptorLimit(),
})

const ending = new AbortController()

// One request's defect must not take the routes of everyone else down with it.
process.on('uncaughtException', error => log.error({ error: error.stack }, 'uncaught'))
process.on('unhandledRejection', error => log.error({ error: messageOf(error) }, 'unhandled'))
process.on('SIGTERM', () => void end(shutdownGraceMs))
process.on('SIGINT', () => void end(shutdownGraceMs))
process.on('SIGHUP', () => {})

const answers: Answers = {
  hello: () => ({ pid: process.pid, frontPort: plane.frontPort, version: ownVersion, protocol, oldestProtocol }),
  apply: async ({ table }) => {
    await plane.apply(table)
    return null
  },
  observe: ({ instanceId }) => plane.observe(instanceId) ?? null,
  tables: () => plane.tables().map(({ instanceId, storeId, epoch }) => ({ instanceId, storeId, epoch })),
  drain: async ({ instanceId, replicaIds, deadlineMs }, signal) =>
    plane.drain(instanceId, replicaIds, deadlineMs, signal),
  traffic: async ({ instanceId }) => plane.traffic(instanceId),
  forget: async ({ instanceId, storeId, epoch }) => {
    await plane.forget(instanceId, storeId, epoch)
    return null
  },
  check: () => plane.check(),
  upgrade: async ({ node, main }) => {
    const orders = argumentsOf(place, { frontPort: plane.frontPort, storeId: args.store })
    const { pid, done } = await handOver(plane, { node, main, args: orders }, presence, ending.signal)
    log.info({ successor: pid }, 'handed over')
    // After the answer has left.
    setImmediate(() => void presence.end(true))
    void done.then(gone)
    return { pid: pid ?? noSuccessor }
  },
  shutdown: () => {
    setImmediate(() => void end(0))
    return null
  },
}
const presence = new Presence({ place, plane, answers, log, onLost: () => void plane.leave().then(gone) })

/** The front port of the first start, because others were told; undefined when there was none. */
function keptFrontPort(): number | undefined {
  const { front: toldTwice } = runningProcess(place) ?? {}
  try {
    return z.object({ port: z.int() }).parse(JSON.parse(readFileSync(place.front, 'utf8'))).port
  } catch (error) {
    const isFirst = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!isFirst)
      log.error({ error: messageOf(error), instead: toldTwice }, 'the front port that was kept cannot be read')
    return toldTwice
  }
}

async function end(graceMs: number): Promise<void> {
  // Whoever is about to take over would go on alone, as after a kill.
  ending.abort()
  await plane.stop(graceMs)
  await presence.end(false)
  log.info('ended')
  process.exit(0)
}

function gone(): void {
  log.info('nothing left in flight')
  process.exit(0)
}

async function restore(): Promise<void> {
  await plane.restore()
  for (const [file, reason] of plane.torn)
    log.error({ file, reason }, 'a table could not be used; it has to be fed again')
}

async function serve(): Promise<void> {
  await presence.appear()
  log.info({ front: plane.frontPort, instances: plane.tables().length, version: ownVersion }, 'serving')
}

async function start(): Promise<void> {
  if (!presence.take()) {
    log.info('another proxy serves this folder')
    process.exit(0)
  }
  await restore()
  await plane.listen(front !== undefined || args.promised)
  await serve()
}

async function succeed(): Promise<void> {
  await restore()
  const old = await takeOver(plane)
  // When the old one died on the way, whoever misses it may have started another: one of us gets the lock.
  if (!(await presence.takeSoon((await old.left) === 'left' ? 5000 : 500))) {
    log.warn('another proxy serves this folder')
    process.exit(0)
  }
  await serve()
  await old.serving()
}

try {
  await (args['take-over'] ? succeed() : start())
} catch (error) {
  log.fatal({ error: error instanceof Error ? error.stack : String(error) }, messageOf(error))
  process.exit(1)
}
