import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:net'
import { messageOf, SlipwayError } from '../../errors.ts'
import type { RevisionTraffic } from '../router.ts'
import type { DataPlane } from './data-plane.ts'
import { type FromNew, type FromOld, fromNewSchema } from './handover.ts'
import { nodeFlags } from './launch.ts'

const stepTimeoutMs = 15_000
/** Once nobody but the new process accepts, it has little time to say that all is well. */
const serveTimeoutMs = 5000

/** What a process holds beside its ports, and how it lets go of it. */
export interface Post {
  /** Lets go of the lock, and of those who call. */
  leave(): void
  /** Takes both up again. Resolves to false when another process has the lock by now: then that one serves. */
  resume(): Promise<boolean>
}

/** A handover that took place. */
export interface HandedOver {
  /** Of the new process; absent when it is not the one that was asked for. */
  readonly pid?: number
  /** Resolves when this process has nothing left to do. */
  readonly done: Promise<void>
}

/**
 * Starts a new proxy process and gives it this one's listening ports: the very descriptors, so connections that wait in their queues are not lost.
 * The post is left in between, when the new one accepts and this one does not any more. Whenever the new one fails before it said that it
 * serves, or `signal` is aborted before, it is ended, and this one goes on as if nothing had been asked: `unavailable` is thrown then.
 */
export async function handOver(
  plane: DataPlane,
  program: { readonly node: string; readonly main: string; readonly args: readonly string[] },
  post: Post,
  signal: AbortSignal,
): Promise<HandedOver> {
  const thaw = await plane.freeze()
  const child = spawn(program.node, [...nodeFlags, program.main, ...program.args, '--take-over'], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const stop = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop)
  let left: Promise<void> | undefined
  try {
    await heard(child, 'loaded', stepTimeoutMs)
    // A message that waits for the one before it is never called back when the process dies meanwhile.
    await Promise.race([sayListeners(child, plane), death(child)])
    await Promise.all([say(child, { type: 'all' }), heard(child, 'ready', stepTimeoutMs)])
    left = plane.leave()
    post.leave()
    answerYounger(child, plane)
    await Promise.all([say(child, { type: 'left' }), heard(child, 'serving', serveTimeoutMs)])
  } catch (error) {
    await end(child)
    // Another one took the place meanwhile: it serves, and this one has left all the same.
    if (left && !(await post.resume())) return { done: left }
    if (left) await plane.resume()
    thaw()
    throw new SlipwayError('unavailable', `The new proxy process did not take over: ${messageOf(error)}.`, {
      next: 'Look at proxy.log in the data folder. The old process serves on.',
    })
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return { pid: child.pid ?? 0, done: left.then(() => sayFinal(child, plane)) }
}

async function sayListeners(child: ChildProcess, plane: DataPlane): Promise<void> {
  for (const [port, server] of plane.listening()) await say(child, { type: 'listener', port }, server)
}

async function death(child: ChildProcess): Promise<never> {
  await once(child, 'exit')
  throw new Error('it ended while it was given the ports')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

function answerYounger(child: ChildProcess, plane: DataPlane): void {
  const drains = new Map<number, AbortController>()
  const answer = (id: number, result: Promise<unknown>): void => {
    result
      .then(
        value => say(child, { type: 'answer', id, result: value }),
        (error: unknown) => void error, // because only a cancelled drain rejects, and nobody waits for that
      )
      .catch(ignored)
  }
  child.on('message', raw => {
    const message = fromNewSchema.parse(raw)
    if (message.type === 'traffic') answer(message.id, plane.traffic(message.instanceId))
    if (message.type === 'cancel') drains.get(message.id)?.abort(new Error('cancelled'))
    if (message.type === 'forget') for (const elder of plane.elders) elder.forget(message.instanceId)
    if (message.type !== 'drain') return
    const { id, instanceId, replicaIds, deadlineMs } = message
    const controller = new AbortController()
    drains.set(id, controller)
    answer(
      id,
      plane.drain(instanceId, replicaIds, deadlineMs, controller.signal).finally(() => drains.delete(id)),
    )
  })
}

async function sayFinal(child: ChildProcess, plane: DataPlane): Promise<void> {
  const traffic: Record<string, RevisionTraffic[]> = {}
  for (const { instanceId } of plane.tables()) traffic[instanceId] = await plane.traffic(instanceId)
  if (child.connected) await say(child, { type: 'final', traffic }).catch(ignored)
}

/** A pipe that breaks may be noticed before the death that broke it. */
async function say(child: ChildProcess, message: FromOld, handle?: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.send(message, handle, error => (error ? reject(new Error('it hung up', { cause: error })) : resolve()))
  })
}

async function heard(child: ChildProcess, type: FromNew['type'], timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit).off('error', settle)
      if (error) reject(error)
      else resolve()
    }
    const onMessage = (raw: unknown): void => {
      const message = fromNewSchema.safeParse(raw)
      if (message.success && message.data.type === type) settle()
    }
    const onExit = (code: number | null, signal: string | null): void =>
      settle(new Error(signal ? `it was ended by ${signal}` : `it exited with code ${code}`))
    const timer = setTimeout(() => settle(new Error(`it did not say "${type}" in time`)), timeoutMs)
    child.on('message', onMessage).on('exit', onExit).on('error', settle)
  })
}

function ignored(error: unknown): void {
  void error // because the new process is gone, and with it whoever wanted to know
}
