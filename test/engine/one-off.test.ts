import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { house, web } from './harness.ts'

test('a one-off task that was begun before a deployment is stopped after it, by a cancel and by its time', async t => {
  const h = await house(t)
  h.world.script({ image: 'fake:web-1' }, { task: { ms: 3_600_000 } })
  const { id } = await h.shop({ services: [web('fake:web-1')] })
  const run = (timeoutSeconds: number) => h.acme.tasks.run(id, { service: 'web', command: ['migrate'], timeoutSeconds })
  const [cancelled, late] = [await run(3600), await run(60)]
  await h.when(() => h.world.tasks.length === 2)
  await h.end(await h.acme.deploy({ instanceId: id, services: [{ name: 'web', image: 'fake:web-2' }] }))
  await h.acme.tasks.cancel(cancelled.id)
  assert.equal((await h.until(h.acme.tasks.finished(cancelled.id), 10_000)).state, 'cancelled')
  assert.equal((await h.until(h.acme.tasks.finished(late.id), 120_000)).errorCode, 'task_timeout')
})

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
