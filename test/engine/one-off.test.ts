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

test('a one-off task whose image can not be fetched ends when it is cancelled, or its time is over', async t => {
  const h = await house(t)
  const { id } = await h.shop({ services: [web('fake:web-1')] })
  h.world.fault({ method: 'prepare', probability: 1, error: new SlipwayError('unavailable', 'No answer.') })
  const run = async (timeoutSeconds: number) => {
    const task = await h.acme.tasks.run(id, { service: 'web', command: ['migrate'], timeoutSeconds })
    await h.when(async () => (await h.acme.tasks.get(task.id)).state === 'running')
    return task
  }
  const cancelled = await run(3600)
  await h.acme.tasks.cancel(cancelled.id)
  const end = await h.until(h.acme.tasks.finished(cancelled.id), 10_000)
  assert.deepEqual([end.state, end.exitCode], ['cancelled', undefined])
  const late = await h.until(h.acme.tasks.finished((await run(5)).id), 20_000)
  assert.deepEqual([late.state, late.errorCode], ['failed', 'task_timeout'])
  assert.equal(h.world.tasks.length, 0)
})
