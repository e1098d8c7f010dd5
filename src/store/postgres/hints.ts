import { setTimeout as delay } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { Client } from 'pg'
import { newId } from '../../id.ts'

const channel = 'slipway_events'
/** A payload has room for 8000 bytes, an id needs 31 and a space. */
const mostIds = 200
/** How long it waits before it listens again after the connection was lost, milliseconds. */
const againMs = 1_000

/** Told which instances have new events; none: too many to name. */
export type Heard = (instanceIds: readonly string[]) => void

/** Hints between processes. They only make things faster: each may be lost. */
export interface Hints {
  /** Part of a transaction: sent with its commit. */
  readonly tell: <S>(tx: Kysely<S>, instanceIds: readonly string[]) => Promise<void>
  /** Calls `heard` for what other processes tell, until the function it returns is called. */
  readonly hear: (heard: Heard) => () => void
  readonly close: () => Promise<void>
}

/** Hints by LISTEN and NOTIFY, over a connection that is made once somebody listens. */
export function hintsOver(listener: () => Client): Hints {
  const self = newId('wrk')
  const ears = new Set<Heard>()
  const closed = new AbortController()
  let listening: Promise<void> | undefined

  const take = (payload: string | undefined): void => {
    const [sender, ...instanceIds] = (payload ?? '').split(' ')
    if (sender === self) return
    for (const heard of ears) heard(instanceIds)
  }
  /** Until the connection ends, however it does. */
  const listenOnce = async (): Promise<void> => {
    const client = listener()
    const ended = Promise.withResolvers<void>()
    client.on('notification', ({ payload }) => take(payload))
    client.on('end', () => ended.resolve())
    client.on('error', () => ended.resolve())
    const abort = (): void => ended.resolve()
    closed.signal.addEventListener('abort', abort)
    try {
      await client.connect()
      await client.query(`listen ${channel}`)
      // What was told before is not told again.
      for (const heard of ears) heard([])
      await ended.promise
    } finally {
      closed.signal.removeEventListener('abort', abort)
      await client.end()
    }
  }
  const listen = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      try {
        await listenOnce()
      } catch (error) {
        void error // because without hints everything is found by looking; it listens again when it can
      }
      await delay(againMs, undefined, { signal: closed.signal, ref: false }).catch((error: unknown) => void error) // closed: the loop sees it
    }
  }

  return {
    async tell(tx, instanceIds) {
      const payload = [self, ...(instanceIds.length > mostIds ? [] : instanceIds)].join(' ')
      await sql`select pg_notify(${channel}, ${payload})`.execute(tx)
    },
    hear(heard) {
      ears.add(heard)
      listening ??= listen()
      return () => void ears.delete(heard)
    },
    async close() {
      closed.abort()
      await listening
    },
  }
}
