import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { z } from 'zod'
import { messageOf } from '../../errors.ts'
import { type Answers, type ControlServer, serveControl } from './control-server.ts'
import { DataPlane } from './data-plane.ts'
import { handOver } from './hand-over.ts'
import { awaitLock, type Lock, takeLock } from './lock.ts'
import { placeOf, socketFolder } from './place.ts'
import { writeDurably } from './table-files.ts'
import { takeOver } from './take-over.ts'

// The proxy's process: data plane of one data folder. It outlives whoever started it.

const shutdownGraceMs = 5000
const reachableEveryMs = 1000
const { values: args } = parseArgs({
  options: {
    state: { type: 'string' },
    'front-port': { type: 'string', default: '0' },
    'take-over': { type: 'boolean', default: false },
  },
})
const log = pino({ base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }))
if (args.state === undefined) throw new Error('--state is missing')
const place = placeOf(dirname(args.state))
const front = keptFrontPort()
const plane = new DataPlane(place.tables, front ?? Number(args['front-port']))
let lock: Lock | undefined
let control: ControlServer | undefined

// One request's defect must not take the routes of everyone else down with it.
process.on('uncaughtException', error => log.error({ error: error.stack }, 'uncaught'))
process.on('unhandledRejection', error => log.error({ error: messageOf(error) }, 'unhandled'))
process.on('SIGTERM', () => void end(shutdownGraceMs))
process.on('SIGINT', () => void end(shutdownGraceMs))
process.on('SIGHUP', () => {})

const answers: Answers = {
  hello: () => ({ pid: process.pid, frontPort: plane.frontPort }),
  apply: async ({ table }) => {
    await plane.apply(table)
    return null
  },
  observe: ({ instanceId }) => plane.observe(instanceId) ?? null,
  drain: async ({ instanceId, replicaIds, deadlineMs }, signal) =>
    plane.drain(instanceId, replicaIds, deadlineMs, signal),
  traffic: async ({ instanceId }) => plane.traffic(instanceId),
  forget: async ({ instanceId, storeId, epoch }) => {
    await plane.forget(instanceId, storeId, epoch)
    return null
  },
  check: () => plane.check(),
  upgrade: async ({ node, main }) => {
    const program = { node, main, args: ['--state', place.state, '--front-port', String(plane.frontPort)] }
    const { pid, done } = await handOver(plane, program, () => {
      lock?.release()
      control?.hangUp('upgrade')
    })
    log.info({ successor: pid }, 'handed over')
    // After the answer has left.
    setImmediate(() => void control?.close(true))
    void done.then(() => {
      log.info('nothing left in flight')
      process.exit(0)
    })
    return { pid }
  },
  shutdown: () => {
    setImmediate(() => void end(0))
    return null
  },
}

/** The front port of the first start, because others were told; undefined when there was none. */
function keptFrontPort(): number | undefined {
  if (!existsSync(place.front)) return undefined
  try {
    return z.object({ port: z.int() }).parse(JSON.parse(readFileSync(place.front, 'utf8'))).port
  } catch (error) {
    log.error({ error: messageOf(error) }, 'the front port that was kept cannot be read; taking another')
    return undefined
  }
}

async function end(graceMs: number): Promise<void> {
  await plane.stop(graceMs)
  await control?.close(false)
  await rm(place.process, { force: true })
  log.info('ended')
  process.exit(0)
}

/** From now on callers find us: the control socket, and the file that says where it is. */
async function serve(): Promise<void> {
  await beReachable()
  log.info({ front: plane.frontPort, instances: plane.tables().length }, 'serving')
  const watch = setInterval(() => {
    if (plane.leaving) return clearInterval(watch)
    void control?.reachable().then(async reachable => {
      if (reachable || plane.leaving) return
      log.warn('the control socket is gone; making another')
      void control?.close(true)
      await beReachable()
    })
  }, reachableEveryMs)
}

async function beReachable(): Promise<void> {
  control = await serveControl(socketFolder(place), answers)
  await writeDurably(place.state, 'front.json', JSON.stringify({ port: plane.frontPort }))
  await writeDurably(place.state, 'process.json', JSON.stringify({ pid: process.pid, socket: control.path }))
}

async function start(): Promise<void> {
  lock = takeLock(place.lock)
  if (!lock) {
    log.info('another proxy serves this folder')
    process.exit(0)
  }
  await plane.restore()
  await plane.listen(front !== undefined)
  await serve()
}

async function succeed(): Promise<void> {
  await plane.restore()
  const old = await takeOver(plane)
  await old.left
  lock = await awaitLock(place.lock, 5000)
  await serve()
  await old.serving()
}

try {
  await (args['take-over'] ? succeed() : start())
} catch (error) {
  log.fatal({ error: error instanceof Error ? error.stack : String(error) }, messageOf(error))
  process.exit(1)
}
