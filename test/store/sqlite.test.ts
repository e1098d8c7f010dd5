import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { Kysely } from 'kysely'
import { isSlipwayError } from '../../src/errors.ts'
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts'
import { sqliteDriver } from '../../src/store/sqlite/driver.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { anInstance, handClock } from '../contract/store/fixtures.ts'
import { storeContract } from '../contract/store.ts'

storeContract('the store in memory', (_t, clock) => sqliteStore({ path: ':memory:', clock }))
storeContract('the store in a SQLite file', (t, clock) => sqliteStore({ path: join(folder(t), 'slipway.db'), clock }))

describe('a SQLite file', () => {
  test('is made with its folder, readable by its owner alone', async t => {
    const path = join(folder(t), 'deep', 'data', 'slipway.db')
    const store = await sqliteStore({ path })
    t.after(() => store.close())
    await store.instances.insert(anInstance())
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  })

  test('keeps its id, its rows and its counters when it is opened again, and its old leases are free', async t => {
    const path = join(folder(t), 'slipway.db')
    const instance = anInstance()
    const first = await sqliteStore({ path })
    await first.instances.insert(instance)
    await first.deploys.nextReleaseVersion('acme', instance.id)
    await first.work.registerWorker('w1')
    const claim = await first.work.claim('w1', instance.id)
    assert.equal(claim?.epoch, 1)
    await first.close()

    const second = await sqliteStore({ path, clock: handClock() })
    t.after(() => second.close())
    assert.equal(second.storeId, first.storeId)
    assert.deepEqual(await second.instances.get('acme', instance.id), instance)
    assert.equal(await second.deploys.nextReleaseVersion('acme', instance.id), 2)
    await second.work.registerWorker('w2')
    const [again] = await second.work.claimDue('w2', 1)
    assert.deepEqual(again, { ...claim, owner: 'w2', epoch: 2 })
    await assert.rejects(second.work.fence(claim), e => isSlipwayError(e, 'lease_lost'))
    assert.equal(await second.work.beat('w1'), false)
  })

  test('is held by one store of a process at a time, by whatever path', async t => {
    const path = join(folder(t), 'slipway.db')
    const store = await sqliteStore({ path })
    symlinkSync(path, `${path}-link`)
    for (const name of [path, `${path}-link`]) {
      await assert.rejects(sqliteStore({ path: name }), e => isSlipwayError(e, 'unavailable'))
    }
    // The refusals above did not cost the holder its lock.
    assert.match(await refusalOfAnother(t, path), new RegExp(`is in use by process ${process.pid}`))
    await store.close()
    await (await sqliteStore({ path })).close()
  })

  test('is refused to a second process with the name of the first, and free once that was killed', async t => {
    const path = join(folder(t), 'slipway.db')
    const { child, opened } = await writer(t, path)
    await assert.rejects(sqliteStore({ path }), error => {
      assert.ok(isSlipwayError(error, 'unavailable'))
      assert.ok(error.message.includes(`${realpathSync(path)} is in use by process ${child.pid}`), error.message)
      assert.equal(error.details?.pid, child.pid)
      assert.match(error.next ?? '', /^Stop process \d+/)
      return true
    })
    await kill(child)
    const store = await sqliteStore({ path })
    t.after(() => store.close())
    assert.equal(store.storeId, opened)
  })

  test('has every transaction that was told committed when its process is killed', async t => {
    const path = join(folder(t), 'slipway.db')
    const { child } = await writer(t, path)
    let told = 0
    child.on('message', (message: { committed?: number }) => {
      told = message.committed ?? told
      if (told === 50) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    const store = await sqliteStore({ path })
    t.after(() => store.close())
    assert.ok(told >= 50)
    assert.ok((await store.events.lastSeq()) >= told)
  })

  test('can be read and copied by others while it is held', async t => {
    const path = join(folder(t), 'slipway.db')
    const store = await sqliteStore({ path })
    t.after(() => store.close())
    await store.instances.insert(anInstance())
    const reader = new DatabaseSync(path, { readOnly: true })
    t.after(() => reader.close())
    reader.exec(`vacuum into '${path}.backup'`)
    const backup = await sqliteStore({ path: `${path}.backup` })
    t.after(() => backup.close())
    assert.equal(await backup.instances.countPerTenant('acme'), 1)
  })

  test('that a newer version has migrated is refused untouched', async t => {
    const path = join(folder(t), 'slipway.db')
    await (await sqliteStore({ path })).close()
    const newer = new DatabaseSync(path)
    newer.exec(`insert into kysely_migration (name, timestamp) values ('9999-newer', '2030-01-01T00:00:00.000Z')`)
    newer.close()
    const refused = (error: unknown) => isSlipwayError(error, 'unavailable') && /newer/.test(error.next ?? '')
    await assert.rejects(sqliteStore({ path }), refused)
    // In the same words again: the first refusal let go of the file.
    await assert.rejects(sqliteStore({ path }), refused)
  })

  test('that is no database, or can not be made, is refused with what to do', async t => {
    const dir = folder(t)
    const text = join(dir, 'notes.txt')
    writeFileSync(text, 'buy milk\n'.repeat(200))
    await assert.rejects(
      sqliteStore({ path: text }),
      e => isSlipwayError(e, 'unavailable') && /backup/.test(e.next ?? ''),
    )
    assert.equal(readFileSync(text, 'utf8'), 'buy milk\n'.repeat(200))
    const below = join(text, 'slipway.db')
    await assert.rejects(
      sqliteStore({ path: below }),
      e => isSlipwayError(e, 'unavailable') && /folder/.test(e.next ?? ''),
    )
  })

  test('on a full disk refuses the transaction whole, says so, and goes on when there is room', async t => {
    const path = join(folder(t), 'full.db')
    const database = new DatabaseSync(path)
    database.exec('create table t (a text)')
    const driver = sqliteDriver(() => database)
    const db = new Kysely<{ t: { a: string } }>({ dialect: sqliteDialect(driver) })
    t.after(() => driver.destroy())
    const write = (a: string) => db.transaction().execute(tx => tx.insertInto('t').values({ a }).execute())
    database.exec('pragma max_page_count = 8')
    const full = (error: unknown) => isSlipwayError(error, 'unavailable') && /disk space/.test(error.next ?? '')
    await assert.rejects(write('x'.repeat(100_000)), full)
    database.exec('pragma max_page_count = 1000000')
    await write('small')
    assert.deepEqual(await db.selectFrom('t').select('a').execute(), [{ a: 'small' }].map(nullPrototype))
  })

  test('tells a transaction that uses the store itself that it waits for itself', async t => {
    const store = await sqliteStore({ path: ':memory:', deadlockMs: 50 })
    t.after(() => store.close())
    await assert.rejects(
      store.transaction(async () => store.events.lastSeq()),
      e => isSlipwayError(e, 'internal') && /Inside transaction/.test(e.next ?? ''),
    )
    assert.equal(await store.events.lastSeq(), 0)
  })
})

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'slipway-store-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Another process that holds the file and writes to it for ever; resolves once it has opened it. */
async function writer(t: TestContext, path: string): Promise<{ child: ChildProcess; opened: string }> {
  const child = startWriter(t, path)
  const [{ opened }] = (await once(child, 'message')) as [{ opened: string }]
  return { child, opened }
}

/** What another process that tries to open the file prints as it fails. */
async function refusalOfAnother(t: TestContext, path: string): Promise<string> {
  const child = startWriter(t, path)
  let printed = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  assert.deepEqual(await once(child, 'close'), [1, null])
  return printed
}

function startWriter(t: TestContext, path: string): ChildProcess {
  const child = fork(join(import.meta.dirname, 'writer.ts'), [path], {
    // Not ours, which would make it a test runner.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  t.after(() => (child.exitCode === null && child.signalCode === null ? kill(child) : undefined))
  return child
}

/** Rows of node:sqlite have no prototype. */
function nullPrototype<T extends object>(row: T): T {
  return Object.assign(Object.create(null), row)
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
