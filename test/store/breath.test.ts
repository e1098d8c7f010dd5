import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sqliteStore } from '../../src/store/sqlite.ts'

test('a long row of calls leaves timers and sockets their turn: a heartbeat is not late because the store is busy', async t => {
  const store = await sqliteStore({ path: ':memory:' })
  t.after(() => store.close())
  let beats = 0
  const beating = setInterval(() => {
    beats++
  }, 5)
  t.after(() => clearInterval(beating))
  for (const end = performance.now() + 200; performance.now() < end; ) await store.events.lastSeq()
  assert.ok(beats >= 3, `${beats} beats in 200 ms`)
})
