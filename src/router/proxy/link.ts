import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { SlipwayError } from '../../errors.ts'
import type { CallName, CallParams, CallResults } from './control.ts'
import { ConnectionLost, type ControlClient, connectControl } from './control-client.ts'
import { type Launched, launch, notStarted } from './launch.ts'
import { awaitLock, takeLock } from './lock.ts'
import type { Place } from './place.ts'

const startTimeoutMs = 15_000
const pollMs = 10

/** The way to the proxy of one data folder: found, started when it is not there, found again when it is another process by now. */
export interface Link {
  /** Calls the proxy; a call whose connection broke is made again until `timeoutMs` are over, on a proxy that was started again if need be. */
  call<C extends CallName>(
    call: C,
    params: CallParams<C>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<CallResults[C]>
  close(): void
}

/** Opens the link. The first call starts the proxy if none runs. */
export function link(place: Place, frontPort: number): Link {
  let client: ControlClient | undefined
  let connecting: Promise<ControlClient> | undefined
  let closed = false

  const connect = async (): Promise<ControlClient> => {
    const found = await connectRunning(place, onEnd)
    const one = found ?? (await startAndConnect(place, frontPort, onEnd, () => closed))
    if (closed) one.close()
    client = one
    return one
  }
  const connected = async (): Promise<ControlClient> => {
    if (closed) throw closedError()
    if (client?.open) return client
    connecting ??= connect().finally(() => {
      connecting = undefined
    })
    return connecting
  }
  function onEnd(meant: boolean): void {
    client = undefined
    // A proxy that died takes every route with it: it is brought back now, not when somebody happens to ask.
    if (!closed && !meant) connected().catch((error: unknown) => void error) // because the next call tries again, and throws
  }

  return {
    call: async (call, params, timeoutMs, signal) => {
      for (const until = performance.now() + timeoutMs; ; ) {
        signal?.throwIfAborted()
        const one = await connected()
        try {
          return await one.call(call, params, Math.max(1, until - performance.now()), signal)
        } catch (error) {
          if (!(error instanceof ConnectionLost)) throw error
          if (closed) throw closedError()
          if (performance.now() > until) throw new SlipwayError('unavailable', 'The proxy hung up again and again.')
          await delay(pollMs)
        }
      }
    },
    close: () => {
      closed = true
      client?.close()
    },
  }
}

/** Connects to the process that serves this place; undefined when none does. */
export async function connectRunning(
  place: Place,
  onEnd: (meant: boolean) => void,
): Promise<ControlClient | undefined> {
  const running = runningProcess(place)
  if (!running) return undefined
  try {
    return await connectControl(running.socket, onEnd)
  } catch (error) {
    void error // because nobody listens there, which is the answer
    return undefined
  }
}

/** What the last process that served said of itself. */
export function runningProcess(place: Place): { readonly pid: number; readonly socket: string } | undefined {
  try {
    return z.object({ pid: z.int(), socket: z.string() }).parse(JSON.parse(readFileSync(place.process, 'utf8')))
  } catch (error) {
    void error // because a file that is not there, or not whole, says that none runs
    return undefined
  }
}

/**
 * One starter at a time, and none while a process holds the lock (it may be about to answer, or its socket was swept away): a second process
 * would only lose the race for the lock, or win it after the first was told to end.
 */
async function startAndConnect(
  place: Place,
  frontPort: number,
  onEnd: (meant: boolean) => void,
  closed: () => boolean,
): Promise<ControlClient> {
  const starting = await awaitLock(place.starting, startTimeoutMs)
  let launched: Launched | undefined
  try {
    for (const until = performance.now() + startTimeoutMs; performance.now() < until; await delay(pollMs)) {
      const client = await connectRunning(place, onEnd)
      if (client) return client
      // Not once it was started: whoever ends the proxy waits for us, and must then find it.
      if (!launched && closed()) throw closedError()
      if (!launched && isFree(place.lock)) launched = launch(place, frontPort)
      const failure = launched?.failure()
      if (failure !== undefined) throw notStarted(place, failure)
    }
    throw notStarted(place, `it did not answer within ${startTimeoutMs} ms.`)
  } finally {
    starting?.release()
  }
}

function isFree(file: string): boolean {
  const lock = takeLock(file)
  lock?.release()
  return lock !== undefined
}

function closedError(): SlipwayError {
  return new SlipwayError('closed', 'The router was closed.')
}
