import { setTimeout as delay } from 'node:timers/promises'
import { unlessAborted } from '../../abort.ts'
import { messageOf, SlipwayError } from '../../errors.ts'
import { comeback } from './comeback.ts'
import type { CallName, CallParams, CallResults } from './control.ts'
import { ConnectionLost, type ControlClient } from './control-client.ts'
import { endDeaf } from './end-deaf.ts'
import { connectRunning } from './find.ts'
import type { Orders } from './launch.ts'
import type { Place } from './place.ts'
import { startProxy } from './start.ts'

const pollMs = 10
/** The least that passes between two attempts to bring the proxy back, ms, whatever it is that fails: others have their turn. */
const breathMs = 50

/** A log as the router uses it; pino's fits. */
export interface ProxyLog {
  info(data: object, text: string): void
  warn(data: object, text: string): void
}

/** What a link is made with. */
export interface LinkOptions {
  readonly place: Place
  /** What a proxy is told that has to be started. */
  readonly orders: () => Orders
  readonly log: ProxyLog
  /** How long the proxy may answer nothing before it is ended and started anew, ms. */
  readonly deafAfterMs: number
  /** Another process may serve by now, or the same one after a break. */
  readonly onConnect: () => void
}

/** The way to the proxy of one data folder: found, started when it is not there, found again when it is another process by now. */
export interface Link {
  /**
   * Calls the proxy; a call whose connection broke is made again until `timeoutMs` are over, on a proxy that was started again if need be.
   * Throws `unavailable` when that takes longer. An upgrade is not made again, because it may have taken place: {@link ConnectionLost}.
   * `check` is asked each time right before it is sent, and ends the call by throwing: a lease may run out while the proxy comes back.
   */
  call<C extends CallName>(
    call: C,
    params: CallParams<C>,
    timeoutMs: number,
    signal?: AbortSignal,
    check?: () => void,
  ): Promise<CallResults[C]>
  close(): void
}

/** Opens the link. The first call starts the proxy if none runs; from then on it is kept running until the link is closed, called or not. */
export function link({ place, orders, log, deafAfterMs, onConnect }: LinkOptions): Link {
  const ended = new AbortController()
  const back = comeback()
  let client: ControlClient | undefined
  let connecting: Promise<ControlClient> | undefined
  let trouble: string | undefined

  const events = {
    onEnd: (meant: boolean): void => {
      client = undefined
      if (!ended.signal.aborted && !meant) void keepUp()
    },
    onDeaf: (told: number | undefined): void => {
      const pid = endDeaf(place, told)
      if (pid === undefined)
        log.warn(
          { deafAfterMs },
          'the proxy answers nothing, and its process could not be found and ended; it is asked on',
        )
      else log.warn({ pid, deafAfterMs }, 'the proxy answers nothing; it is ended and started again')
    },
  }
  const open = (): Promise<ControlClient | undefined> => connectRunning(place, events, deafAfterMs)
  const connect = async (): Promise<ControlClient> => {
    const one = (await open()) ?? (await start())
    back.served()
    trouble = undefined
    if (ended.signal.aborted) one.close()
    client = one
    onConnect()
    return one
  }
  const start = async (): Promise<ControlClient> => {
    const waitMs = back.nextMs()
    if (waitMs > 0) {
      trouble = `it ended ${back.failures} times in a row, soon after its start${trouble ? ` (${trouble})` : ''}`
      log.warn({ waitMs, failures: back.failures }, 'the proxy ends again and again; it is started after a while')
      await delay(waitMs, undefined, { signal: ended.signal, ref: false })
    }
    return await startProxy({ place, orders: orders(), open, closed: () => ended.signal.aborted })
  }
  const connected = async (): Promise<ControlClient> => {
    if (ended.signal.aborted) throw closedError()
    if (client?.open) return client
    connecting ??= connect().finally(() => {
      connecting = undefined
    })
    return connecting
  }
  /** A proxy that died takes every route with it: it is brought back now, not when somebody happens to ask, and however often it takes. */
  const keepUp = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      try {
        await connected()
        return
      } catch (error) {
        if (ended.signal.aborted) return
        trouble = messageOf(error)
        log.warn({ error: trouble }, 'the proxy is down and could not be started; it is tried again')
        await breathe()
      }
    }
  }
  const breathe = async (): Promise<void> => {
    try {
      await delay(breathMs, undefined, { signal: ended.signal, ref: false })
    } catch (error) {
      void error // closed: the loop sees its signal
    }
  }
  /** Whatever it is that keeps the proxy from coming back, nobody waits for it longer than they said. */
  const inTime = async (until: number, signal: AbortSignal | undefined): Promise<ControlClient> => {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), Math.max(1, until - performance.now()))
    try {
      return await unlessAborted(connected(), AbortSignal.any([late.signal, ended.signal, ...(signal ? [signal] : [])]))
    } catch (error) {
      signal?.throwIfAborted()
      if (ended.signal.aborted) throw closedError()
      if (late.signal.aborted) throw down(trouble)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    call: async (call, params, timeoutMs, signal, check) => {
      for (const until = performance.now() + timeoutMs; ; ) {
        signal?.throwIfAborted()
        const one = client?.open ? client : await inTime(until, signal)
        check?.()
        try {
          return await one.call(call, params, Math.max(1, until - performance.now()), signal)
        } catch (error) {
          if (!(error instanceof ConnectionLost) || call === 'upgrade') throw error
          if (ended.signal.aborted) throw closedError()
          if (performance.now() > until) throw down('it hung up again and again')
          await delay(pollMs)
        }
      }
    },
    close: () => {
      ended.abort(closedError())
      client?.close()
    },
  }
}

function down(why: string | undefined): SlipwayError {
  return new SlipwayError('unavailable', `The proxy does not run${why === undefined ? '' : `: ${why}`}.`, {
    next: 'It is being started again; look at proxy.log in the data folder if it does not come back.',
  })
}

function closedError(): SlipwayError {
  return new SlipwayError('closed', 'The router was closed.')
}
