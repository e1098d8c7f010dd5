import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '../../../src/id.ts'
import type { Task } from '../../../src/task/task.ts'
import { everyPage, type MakeStore, someTime, world } from './fixtures.ts'

const later = '2026-11-24T00:00:00.000Z'

const aTask = (more: Partial<Task> = {}): Task => ({
  id: newId('task'),
  createdAt: someTime,
  tenantId: 'acme',
  instanceId: 'inst_1',
  service: 'web',
  releaseId: 'rel_1',
  command: ['sh', '-c', 'true'],
  timeoutSeconds: 60,
  state: 'pending',
  initiator: 'ana',
  ...more,
})

export function taskTests(makeStore: MakeStore): void {
  test('a task comes back as it was kept, to its tenant only', async t => {
    const { store } = await world(t, makeStore)
    const whole = aTask({
      state: 'failed',
      startedAt: someTime,
      finishedAt: later,
      exitCode: 3,
      output: ['no'],
      error: 'It ended with 3.',
      errorCode: 'task_failed',
      cancelledBy: 'ben',
    })
    for (const task of [aTask(), whole]) {
      await store.tasks.insert(task)
      assert.deepEqual(await store.tasks.get('acme', task.id), task)
      assert.equal(await store.tasks.get('globex', task.id), undefined)
    }
  })

  test('the tasks of an instance are listed newest first, page by page', async t => {
    const { store } = await world(t, makeStore)
    const mine = [aTask(), aTask(), aTask()]
    for (const task of [...mine, aTask({ instanceId: 'inst_2' })]) await store.tasks.insert(task)
    const listed = await everyPage(options => store.tasks.list('acme', 'inst_1', options), 2)
    assert.deepEqual(listed, mine.toReversed())
    assert.equal((await store.tasks.list('acme', 'inst_1')).total, 3)
    assert.equal(await store.tasks.unended('inst_1'), 3)
    assert.equal((await store.tasks.list('globex', 'inst_1')).total, 0)
  })

  test('a task is given to one worker, and to another once that one is dead', async t => {
    const { store, clock } = await world(t, makeStore)
    const tasks = [aTask(), aTask(), aTask({ state: 'running' })]
    for (const task of tasks) await store.tasks.insert(task)
    await store.tasks.insert(aTask({ state: 'succeeded' }))
    await store.work.registerWorker('wrk_1')
    const ids = async (worker: string, limit: number) => (await store.tasks.claim(worker, limit)).map(({ id }) => id)
    assert.deepEqual(await ids('wrk_1', 2), [tasks[0]?.id, tasks[1]?.id])
    assert.equal(await store.tasks.waits(), true)
    assert.deepEqual(await ids('wrk_1', 2), [tasks[2]?.id])
    assert.equal(await store.tasks.waits(), false)
    assert.deepEqual(await ids('wrk_1', 2), [])
    clock.advance(60_000)
    await store.work.registerWorker('wrk_2')
    assert.deepEqual(
      await ids('wrk_2', 10),
      tasks.map(({ id }) => id),
    )
  })

  test('who runs a task sees that somebody wants it ended', async t => {
    const { store } = await world(t, makeStore)
    const [quiet, asked] = [aTask(), aTask()]
    for (const task of [quiet, asked]) await store.tasks.insert(task)
    await store.work.registerWorker('wrk_1')
    await store.tasks.claim('wrk_1', 10)
    assert.equal(await store.tasks.update(asked.id, ['pending', 'running'], { cancelledBy: 'ana' }), true)
    assert.deepEqual(
      (await store.tasks.cancelling('wrk_1')).map(({ id }) => id),
      [asked.id],
    )
    assert.deepEqual(await store.tasks.cancelling('wrk_2'), [])
  })

  test('a task changes only while it is in one of the expected states', async t => {
    const { store } = await world(t, makeStore)
    const task = aTask()
    await store.tasks.insert(task)
    const end = { state: 'succeeded', exitCode: 0, output: [] as string[], finishedAt: later } as const
    assert.equal(await store.tasks.update(task.id, ['running'], end), false)
    assert.equal(await store.tasks.update(task.id, ['pending'], end), true)
    assert.deepEqual(await store.tasks.get('acme', task.id), { ...task, ...end })
  })

  test('those that ended long ago are dropped, a few at a time', async t => {
    const { store } = await world(t, makeStore)
    const old = [aTask({ state: 'failed', finishedAt: someTime }), aTask({ state: 'succeeded', finishedAt: someTime })]
    const kept = [aTask(), aTask({ state: 'succeeded', finishedAt: later })]
    for (const task of [...old, ...kept]) await store.tasks.insert(task)
    assert.equal(await store.tasks.prune(later, 1), 1)
    assert.equal(await store.tasks.prune(later, 10), 1)
    assert.equal(await store.tasks.prune(later, 10), 0)
    assert.deepEqual((await store.tasks.list('acme', 'inst_1')).items, kept.toReversed())
  })
}
