import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { house, web } from './harness.ts'

test('a one-off task whose failure a full disk keeps from being written has failed once there is room', async t => {
  const clock = fakeClock()
  const real = await sqliteStore({ path: ':memory:', clock })
  const full = new SlipwayError('disk_full', 'The disk is full.')
  let hasRoom = true
  const store: Store = {
    ...real,
    async transaction(work) {
      if (!hasRoom) throw full
      const done = await real.transaction(work)
      const begun = await real.events.read({ after: 0, limit: 1, types: ['task.started'] })
      hasRoom = begun.length === 0
      return done
    },
  }
  const h = await house(t, { clock, store })
  const { id } = await h.shop({ services: [web('fake:web-1')] })
  h.world.fault({ method: 'runTask', probability: 1, error: new SlipwayError('step_failed', 'No such command.') })
  const task = await h.acme.tasks.run(id, { service: 'web', command: ['migrate'] })
  await h.when(() => !hasRoom)
  await h.clock.advance(5000)
  assert.equal((await h.acme.tasks.get(task.id)).state, 'running')
  hasRoom = true
  const end = await h.until(h.acme.tasks.finished(task.id), 10_000)
  assert.deepEqual([end.state, end.errorCode], ['failed', 'step_failed'])
})
