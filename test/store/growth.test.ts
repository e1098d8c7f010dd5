import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { logBytes } from '../../src/store/sqlite/log-reserve.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { handClock } from '../contract/store/fixtures.ts'
import { noSmallDisk, smallDisk } from '../support/small-disk.ts'

const MiB = 1024 * 1024

describe('a SQLite file does not grow for ever:', () => {
  test('its log stays within its reserve under constant writing, and comes back to it after readers held it up', async t => {
    const { path, store } = await aFile(t)
    const log = () => statSync(`${path}-wal`).size
    assert.equal(log(), logBytes)
    const reader = new DatabaseSync(path, { readOnly: true })
    t.after(() => reader.close())
    for (let round = 0; round < 20; round++) {
      await write(store, MiB)
      reader.prepare('select count(*) from events').get()
    }
    assert.equal(log(), logBytes)

    reader.exec('begin; select count(*) from events')
    await write(store, 10 * MiB)
    assert.ok(log() > 10 * MiB, String(log()))
    reader.exec('commit')
    await store.tidy?.()
    await write(store, 10_000)
    assert.equal(log(), logBytes)
  })

  test('what was deleted is used again, and given back to the disk once it is a quarter', async t => {
    const { path, store } = await aFile(t)
    await write(store, 20 * MiB)
    await store.tidy?.()
    const full = statSync(path).size
    assert.ok(full > 20 * MiB)
    await prune(store)
    await write(store, 15 * MiB)
    await store.tidy?.()
    assert.ok(statSync(path).size <= full * 1.05, `${statSync(path).size} after ${full}`)
    await prune(store)
    for (let tidied = 0; tidied < 20; tidied++) await store.tidy?.()
    assert.ok(statSync(path).size < 8 * MiB, `${statSync(path).size} after ${full}`)
  })
})

describe('a SQLite file on a full disk', { skip: noSmallDisk ?? false }, () => {
  test('takes heartbeats for as long as its reserve lasts, refuses more than that whole, and goes on when there is room', async t => {
    const disk = smallDisk(24 * MiB)
    const clock = handClock()
    const store = await sqliteStore({ path: join(disk.folder, 'slipway.db'), clock })
    t.after(async () => {
      disk.empty()
      await store.close()
      disk.dispose()
    })
    await store.work.registerWorker('w1')
    await store.tidy?.()
    disk.fill()
    assert.equal(disk.free(), 0)
    // An hour of beats: each a page in the log, which starts over when it has been copied into the file.
    for (let beat = 0; beat < 3600; beat++) {
      clock.advance(1000)
      assert.equal(await store.work.beat('w1'), true)
    }
    const full = (error: unknown) => isSlipwayError(error, 'disk_full')
    let written = 0
    await assert.rejects(async () => {
      for (;;) {
        await write(store, 20_000)
        written++
      }
    }, full)
    const before = await store.events.lastSeq()
    await assert.rejects(
      store.transaction(async tx => {
        await tx.events.append({ type: 'deploy.started', tenantId: 'acme' })
        await tx.events.append({ type: 'deploy.progress', tenantId: 'acme', data: { pad: 'x'.repeat(MiB) } })
      }),
      full,
    )
    assert.equal(await store.events.lastSeq(), before)
    assert.ok(written > 0)
    disk.empty()
    await write(store, MiB)
    await store.tidy?.()
  })
})

async function aFile(t: TestContext): Promise<{ path: string; store: Store }> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-growth-'))
  const path = join(folder, 'slipway.db')
  const store = await sqliteStore({ path })
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return { path, store }
}

/** About so many bytes of events, a transaction for every 100 kB. */
async function write(store: Store, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= 100_000) {
    const data = { pad: 'x'.repeat(Math.min(left, 100_000)) }
    await store.events.append({ type: 'deploy.progress', tenantId: 'acme', data })
  }
}

async function prune(store: Store): Promise<void> {
  for (let gone = 1; gone > 0; ) gone = await store.events.prune({ keep: 1, keepMs: 1e12 }, 100)
}
