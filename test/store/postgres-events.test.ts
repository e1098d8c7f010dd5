import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import type { NewEvent } from '../../src/event/event.ts'
import { postgresStore } from '../../src/store/postgres.ts'
import { describeOnPostgres, onServer, postgresDatabase } from '../support/postgres.ts'

describeOnPostgres('the log of events on PostgreSQL', () => {
  test('of two transactions that commit in the other order than they wrote, the one that commits first comes first', async t => {
    const { store } = await two(t)
    const [mayEnd, wrote] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow = store.transaction(async tx => {
      await tx.events.append(event('slow'))
      wrote.resolve()
      await mayEnd.promise
      await tx.events.append(event('slow, and last'))
    })
    await wrote.promise
    await store.transaction(async tx => void (await tx.events.append(event('quick'))))
    const [first] = await store.events.read({ after: 0, limit: 10 })
    assert.ok(first)
    assert.deepEqual(first.data, { what: 'quick' })
    mayEnd.resolve()
    await slow
    assert.deepEqual(whatIn(await store.events.read({ after: first.seq, limit: 10 })), ['slow', 'slow, and last'])
    assert.deepEqual(whatIn(await store.events.recent({ limit: 10 })), ['slow, and last', 'slow', 'quick'])
  })

  test('readers of two processes see the same order, each event once, while transactions of both commit as they like', async t => {
    const { store, other } = await two(t)
    const writers = 40
    const write = async (writer: number): Promise<void> => {
      const of = writer % 2 === 0 ? store : other
      await of.transaction(async tx => {
        await tx.events.append(event(`${writer} begins`))
        // Others come in between, each another number of times.
        for (let n = 0; n < (writer * 7) % 5; n++) await tx.events.append(event(`${writer} goes on ${n}`))
        await tx.events.append(event(`${writer} ends`))
      })
    }
    let writing = true
    const follow = async (from: Store): Promise<string[]> => {
      const seen: string[] = []
      for (let after = 0, last = false; ; last ||= !writing) {
        const found = await from.events.read({ after, limit: 7 })
        // No number is left out: one that came later would have no place.
        for (const { seq } of found) assert.equal(seq, ++after)
        seen.push(...whatIn(found))
        if (last && found.length === 0) return seen
      }
    }
    const reading = [follow(store), follow(other)]
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
    writing = false
    const [mine, theirs] = await Promise.all(reading)
    assert.deepEqual(mine, theirs)
    const all = Array.from({ length: writers }, (_, n) => 2 + ((n * 7) % 5)).reduce((sum, count) => sum + count, 0)
    assert.equal(mine?.length, all)
    assert.equal(new Set(mine).size, all)
    for (let writer = 0; writer < writers; writer++) {
      const own = mine?.filter(what => what.startsWith(`${writer} `)) ?? []
      assert.ok(own[0]?.endsWith('begins') && own.at(-1)?.endsWith('ends'), own.join())
    }
  })

  test('what a process committed that died before it gave it a number is found by the next reader', async t => {
    const { store, other, url } = await two(t)
    await store.transaction(async tx => void (await tx.events.append(event('before'))))
    assert.equal(await store.events.lastSeq(), 1)
    // As it lies there when nobody came by again.
    const dying = await postgresStore({ url })
    let closing: Promise<void> | undefined
    await dying.transaction(async tx => {
      await tx.events.append(event('the last words'))
      // From here on it gets no other connection.
      closing = dying.close()
    })
    await closing
    assert.deepEqual(whatIn(await other.events.read({ after: 1, limit: 10 })), ['the last words'])
  })

  test('another process is told of which instances there are events, and is told again after it was cut off', async t => {
    const { store, other, cut } = await two(t)
    const heard: string[] = []
    let more = Promise.withResolvers<void>()
    const deaf = other.hints?.(ids => {
      heard.push(...(ids.length === 0 ? ['something'] : ids))
      more.resolve()
      more = Promise.withResolvers()
    })
    const own = store.hints?.(ids => void heard.push(...ids.map(id => `its own ${id}`)))
    t.after(() => void [deaf?.(), own?.()])
    const until = async (what: string): Promise<void> => {
      while (!heard.includes(what)) await more.promise
    }
    // It listens: what was told before is not told again, so it looks at everything once.
    await until('something')
    await store.transaction(async tx => void (await tx.events.append({ ...event('one'), instanceId: 'inst_1' })))
    await until('inst_1')
    heard.length = 0
    await cut()
    await until('something')
    await store.events.append({ ...event('two'), instanceId: 'inst_2' })
    await until('inst_2')
    assert.deepEqual(
      heard.filter(what => what.startsWith('its own')),
      [],
    )
  })
})

/** Two stores on one database, as of two processes. */
async function two(t: TestContext) {
  const url = await postgresDatabase(t)
  const [store, other] = [await postgresStore({ url }), await postgresStore({ url })]
  t.after(() => Promise.all([store.close(), other.close()]))
  /** Ends every connection that listens. */
  const listeners = `select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`
  const cut = () => onServer(url, `select pg_terminate_backend(pid) from (${listeners}) as listeners`)
  return { store, other, url, cut }
}

function event(what: string): NewEvent {
  return { type: 'deploy.progress', tenantId: 'acme', data: { what } }
}

function whatIn(events: readonly { readonly data?: Readonly<Record<string, unknown>> }[]): string[] {
  return events.map(({ data }) => String(data?.['what']))
}
