import { type ChildProcess, fork } from 'node:child_process'
import { type ErrorCode, type Event, errorCodes, type Slipway, SlipwayError } from '../../src/index.ts'
import { type Calls, changing, type FromControlPlane, type ToControlPlane, type WiredError } from './calls.ts'

/** A control plane in a process of its own, which may be killed and started again. */
export interface RemoteControlPlane {
  readonly front: Slipway['front']
  /** Asks it. While it is dead the question waits; one that only reads is asked again when it dies meanwhile. */
  call<Name extends keyof Calls>(name: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]>
  /** Events, each once, whichever process tells them. */
  events(deploymentId: string | undefined, signal: AbortSignal): AsyncIterable<Event>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Lets go of everything, ends the proxy, and ends; started for that if it was killed. */
  close(): Promise<void>
}

/** It died before it answered. */
class Gone extends Error {}

interface Life {
  readonly child: ChildProcess
  readonly front: Slipway['front']
  readonly ended: Promise<void>
  send(message: ToControlPlane): void
  /** What it answers to this number; `onEvent` hears events of that number before. */
  answer(id: number, onEvent?: (event: Event) => void): Promise<unknown>
}

/** One that is not up by then is stuck, milliseconds: even on a busy machine it takes a few seconds. */
const comesUpMs = 60_000

/** Starts one on a folder that nobody else holds. Throws, and ends it, when it is not up within `upMs`. */
export async function startControlPlane(folder: string, upMs: number = comesUpMs): Promise<RemoteControlPlane> {
  let life: Promise<Life> = begin(folder, upMs)
  let wake: (life: Promise<Life>) => void = () => undefined
  let killed = false
  let lastId = 0
  const { front } = await life

  /** Whether it died because it was killed, and another one follows. */
  function isKilled(error: unknown, asked: Promise<Life>): boolean {
    return error instanceof Gone && asked !== life
  }

  async function call(name: keyof Calls, args: readonly unknown[]): Promise<unknown> {
    for (;;) {
      const asked = life
      const current = await asked
      const id = ++lastId
      const answer = current.answer(id)
      current.send({ type: 'call', id, name, args })
      try {
        return await answer
      } catch (error) {
        if (!isKilled(error, asked) || changing.has(name)) throw error
      }
    }
  }

  /** Until the stream ends, whichever process it comes from. */
  async function listen(deploymentId: string | undefined, signal: AbortSignal, tell: (event: Event) => void) {
    let lastSeq = 0
    const once = (event: Event) => {
      if (event.seq <= lastSeq) return
      lastSeq = event.seq
      tell(event)
    }
    while (!signal.aborted) {
      const asked = life
      const current = await asked
      const id = ++lastId
      const answer = current.answer(id, once)
      const stop = () => current.send({ type: 'stop', id })
      current.send({ type: 'listen', id, ...(deploymentId === undefined ? {} : { deploymentId }) })
      signal.addEventListener('abort', stop, { once: true })
      try {
        await answer
        return
      } catch (error) {
        if (!isKilled(error, asked)) throw error
      } finally {
        signal.removeEventListener('abort', stop)
      }
    }
  }

  async function start(): Promise<void> {
    killed = false
    const next = begin(folder, upMs)
    wake(next)
    life = next
    await next
  }

  return {
    front,
    call: ((name: keyof Calls, ...args: unknown[]) => call(name, args)) as RemoteControlPlane['call'],
    async *events(deploymentId, signal) {
      const heard: Event[] = []
      let more = Promise.withResolvers<void>()
      let over = false
      const listening = listen(deploymentId, signal, event => {
        heard.push(event)
        more.resolve()
      }).finally(() => {
        over = true
        more.resolve()
      })
      listening.catch((error: unknown) => void error) // because it is thrown below
      for (;;) {
        yield* heard.splice(0)
        if (over && heard.length === 0) return await listening
        if (heard.length > 0) continue
        await more.promise
        more = Promise.withResolvers()
      }
    },
    async kill() {
      const { child, ended } = await life
      // Whoever asks from now on waits until it is started again.
      life = new Promise(resolve => {
        wake = resolve
      })
      killed = true
      child.kill('SIGKILL')
      await ended
    },
    start,
    async close() {
      // Replicas and the proxy outlived it: only another one can let go of them.
      if (killed) await start()
      const current = await life
      current.send({ type: 'close', all: true })
      await current.ended
      if (current.child.exitCode !== 0) throw new Error('The control plane could not be closed; see above.')
    },
  }
}

async function begin(folder: string, upMs: number): Promise<Life> {
  const child = fork(new URL('./control-plane.ts', import.meta.url), [folder], {
    execArgv: [],
    serialization: 'advanced',
  })
  const waiting = new Map<
    number,
    { settle: PromiseWithResolvers<unknown>; onEvent?: ((event: Event) => void) | undefined }
  >()
  const up = Promise.withResolvers<Slipway['front']>()
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.on('message', (message: FromControlPlane) => {
    switch (message.type) {
      case 'up':
        return up.resolve(message.front)
      case 'failed':
        process.stderr.write(`The control plane failed: ${message.error.stack ?? message.error.message}\n`)
        return up.reject(unwired(message.error))
      case 'event':
        return waiting.get(message.id)?.onEvent?.(message.value as Event)
      case 'error':
        waiting.get(message.id)?.settle.reject(unwired(message.error))
        break
      case 'answer':
        waiting.get(message.id)?.settle.resolve(message.value)
        break
      case 'end':
        waiting.get(message.id)?.settle.resolve(undefined)
    }
    waiting.delete(message.id)
  })
  let gone = false
  const lose = () => {
    gone = true
    const error = new Gone('The control plane ended before it answered.')
    up.reject(error)
    for (const { settle } of waiting.values()) settle.reject(error)
    waiting.clear()
  }
  child.once('error', lose)
  child.once('exit', lose)
  const late = setTimeout(() => {
    up.reject(new Error(`The control plane did not come up within ${upMs / 1000} s.`))
    child.kill('SIGKILL')
  }, upMs)
  const front = await up.promise.finally(() => clearTimeout(late))
  return {
    child,
    front,
    ended,
    send(message) {
      // What does not get through is answered by its end.
      if (child.connected) child.send(message, error => void error)
    },
    async answer(id, onEvent) {
      const settle = Promise.withResolvers<unknown>()
      if (gone) throw new Gone('The control plane ended before it was asked.')
      waiting.set(id, { settle, onEvent })
      return await settle.promise
    },
  }
}

function unwired({ message, stack, code, next }: WiredError): Error {
  const error =
    code !== undefined && code in errorCodes
      ? new SlipwayError(code as ErrorCode, message, next === undefined ? {} : { next })
      : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
