import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { Kysely } from 'kysely'
import { timestamp } from '../../src/clock.ts'
import type { Store } from '../../src/deploy/work.ts'
import { isSlipwayError, messageOf } from '../../src/errors.ts'
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts'
import { sqliteDriver } from '../../src/store/sqlite/driver.ts'
import { type SqliteStoreOptions, sqliteStore } from '../../src/store/sqlite.ts'

describe('what is written by many at once', () => {
  test('is flushed together, and nobody is told before it is on disk', async t => {
    let told = 0
    const toldAtFlush: number[] = []
    const store = await open(t, { beforeFlush: () => void toldAtFlush.push(told) })
    toldAtFlush.splice(0)
    await Promise.all(Array.from({ length: 100 }, () => write(store).then(() => told++)))
    assert.equal(await store.events.lastSeq(), 100)
    assert.ok(toldAtFlush.length <= 50, `${toldAtFlush.length} flushes`)
    assert.equal(toldAtFlush[0], 0)
  })

  test('is taken back alone where one of them fails', async t => {
    const store = await open(t)
    const failing = (): Promise<void> =>
      store.transaction(async tx => {
        await tx.events.append(event)
        throw new Error('no')
      })
    const ends = await Promise.allSettled(
      Array.from({ length: 30 }, (_, n) => (n % 3 === 1 ? failing() : write(store).then(() => undefined))),
    )
    assert.equal(ends.filter(end => end.status === 'rejected').length, 10)
    assert.equal((await store.events.recent({ limit: 100 })).length, 20)
  })

  test('fails together when it can not be flushed, is not there then, and the store goes on', async t => {
    let full = false
    const store = await open(t, {
      beforeFlush() {
        if (full) throw new Error('the disk is gone')
      },
    })
    full = true
    const ends = await Promise.allSettled(Array.from({ length: 20 }, () => write(store)))
    full = false
    assert.deepEqual(new Set(ends.map(end => end.status)), new Set(['rejected']))
    assert.equal(await store.events.lastSeq(), 0)
    await write(store)
    assert.equal((await store.events.recent({ limit: 100 })).length, 1)
  })

  test('is on disk before anybody is told that they are refused because of it', async t => {
    let flushes = 0
    const store = await open(t, { beforeFlush: () => void flushes++ })
    for (const { refuse, refused } of refusals(store)) {
      flushes = 0
      const told = refuse().catch((error: unknown) => [messageOf(error), flushes])
      const [text, after] = (await told) as [string, number]
      assert.match(text, refused)
      assert.equal(after, 1, text)
    }
  })

  test('is told instead of a refusal that rests on it, when it can not be flushed', async t => {
    let full = false
    const store = await open(t, {
      beforeFlush() {
        if (full) throw new Error('the disk is gone')
      },
    })
    full = true
    for (const { refuse } of refusals(store)) await assert.rejects(refuse(), /the disk is gone/u)
    full = false
    assert.equal(await store.events.lastSeq(), 0)
    assert.deepEqual(await store.secrets.list('acme'), [])
  })

  test('is not half there when SQLite ends the transaction under way', async t => {
    const database = new DatabaseSync(':memory:')
    database.exec('create table t (a text unique)')
    const driver = sqliteDriver(() => database)
    t.after(() => driver.destroy())
    const db = new Kysely<{ t: { a: string } }>({ dialect: sqliteDialect(driver) })
    const goesOn = db.transaction().execute(async tx => {
      const write = (a: string) => tx.insertInto('t').values({ a })
      await write('before').execute()
      // As it does by itself when a disk is full.
      await assert.rejects(write('before').orRollback().execute(), /UNIQUE/u)
      await write('after').execute()
    })
    await assert.rejects(goesOn, error => isSlipwayError(error, 'unavailable'))
    assert.deepEqual(await db.selectFrom('t').select('a').execute(), [])
  })

  test('is told to no reader before it is on disk', async t => {
    const seen: number[] = []
    let flushed = 0
    const store = await open(t, { beforeFlush: () => void flushed++ })
    flushed = 0
    const writing = write(store)
    const reading = store.events.lastSeq().then(last => seen.push(last, flushed))
    await Promise.all([writing, reading])
    const [last = 0, flushes = 0] = seen
    assert.equal(last, 1)
    assert.equal(flushes, 1)
  })
})

describe('a disk that is slow', () => {
  test('lets a heartbeat go before everything that waits', async t => {
    const store = await open(t, { beforeFlush: () => block(20) })
    await store.work.registerWorker('w1')
    let written = 0
    const all = Promise.all(Array.from({ length: 1500 }, () => write(store).then(() => written++)))
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(await store.work.beat('w1'), true)
    assert.ok(written < 1000, `${written} were written before`)
    await all
  })

  test('makes calls that would wait too long fail soon, retryably, and takes them again when it has caught up', async t => {
    let slow = true
    const store = await open(t, { patienceMs: 100, beforeFlush: () => (slow ? block(60) : undefined) })
    const refused: unknown[] = []
    const ask = async (): Promise<void> => {
      for (let n = 0; n < 40; n++) await write(store)
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: 400 }, () => ask().catch((error: unknown) => refused.push(error))))
    assert.ok(refused.length > 0, 'somebody is refused')
    for (const error of refused) {
      assert.ok(isSlipwayError(error, 'overloaded'), String(error))
      assert.match(error.next ?? '', /again/u)
    }
    assert.ok(performance.now() - began < 30_000)
    slow = false
    await write(store)
  })
})

const event = { type: 'instance.healed', tenantId: 'acme', data: {} } as const

function write(store: Store): Promise<unknown> {
  return store.transaction(tx => tx.events.append(event))
}

/** Something is written, and somebody who comes right behind it is refused because of it. */
function refusals(store: Store): { readonly refuse: () => Promise<unknown>; readonly refused: RegExp }[] {
  const behind = async (first: Promise<unknown>, second: Promise<unknown>): Promise<unknown> => {
    first.catch((error: unknown) => void error) // because it is the second that is looked at
    return await second
  }
  const secret = {
    id: 'sec_1',
    tenantId: 'acme',
    name: 'key',
    version: 1,
    sealed: new Uint8Array(8),
    createdAt: timestamp(0),
  }
  const seen = async (): Promise<unknown> =>
    await store.transaction(async tx => {
      throw new Error(`there is event ${await tx.events.lastSeq()}`)
    })
  return [
    { refuse: () => behind(write(store), seen()), refused: /there is event 1/u },
    { refuse: () => behind(store.secrets.insert(secret), store.secrets.insert(secret)), refused: /already/u },
  ]
}

/** Keeps the whole process waiting, as a flush does. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

async function open(t: TestContext, options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-store-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const store = await sqliteStore({ path: join(folder, 'slipway.db'), ...options })
  t.after(() => store.close())
  return store
}
