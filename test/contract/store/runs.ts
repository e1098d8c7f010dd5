import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrozenPlan, StepRecord, UndoCause } from '../../../src/deploy/run.ts'
import type { Step } from '../../../src/deploy/step.ts'
import { aDeployment, anInstance, aRequest, type MakeStore, someTime, world } from './fixtures.ts'

const aStep: Step = {
  kind: 'run',
  name: 'run web',
  table: [{ service: 'web', revision: 'aa.1', replicas: 2, weight: 100, release: 'rel_1', keepUntil: someTime }],
  service: 'web',
  revision: 'aa.1',
  replicas: 2,
  release: 'rel_1',
}

const aPlan: FrozenPlan = {
  base: aStep.table,
  mode: 'deploy',
  old: [],
  next: [],
  specs: { rel_1: [{ name: 'web', image: 'file:./web', digest: 'sha256:aa' }] },
  options: { maxSurge: 1 },
  steps: [aStep],
  readyAtStart: { 'aa.1': 2 },
  replicas: { web: 2 },
  keepWarmMs: 0,
}

const aCause: UndoCause = { end: 'failed', code: 'step_failed', error: 'It did not come up.', at: someTime }

export function runTests(makeStore: MakeStore): void {
  test('the queue holds what waits and runs, oldest first', async t => {
    const { store, instance } = await world(t, makeStore)
    const second = anInstance({ name: 'second' })
    await store.instances.insert(second)
    const states = ['succeeded', 'running', 'pending', 'cancelled', 'pending'] as const
    const all = states.map(state => aDeployment(instance, { state }))
    for (const each of [...all, aDeployment(second)]) await store.deploys.insertDeployment(each, aRequest)
    const queue = await store.work.queue(instance.id)
    assert.deepEqual(
      queue,
      [1, 2, 4].map(i => ({ deployment: all[i], request: aRequest, watchedMs: 0 })),
    )
  })

  test('plan, undo, steps back and watched time come back with the run', async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance)
    await store.deploys.insertDeployment(deployment, { kind: 'rollback', releaseId: 'rel_1' })
    await store.work.savePlan(deployment.id, aPlan)
    await store.work.saveUndoSteps(deployment.id, [aStep])
    await store.work.saveWatched(deployment.id, 1_234)
    assert.equal(await store.work.saveUndo(deployment.id, aCause), true)
    assert.deepEqual(await store.work.run(deployment.id), {
      deployment,
      request: { kind: 'rollback', releaseId: 'rel_1' },
      plan: aPlan,
      undo: aCause,
      undoSteps: [aStep],
      watchedMs: 1_234,
    })
    assert.equal(await store.work.run('dep_none'), undefined)
  })

  test('only the first cause of an undo is kept', async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance)
    await store.deploys.insertDeployment(deployment, aRequest)
    const causes = [aCause, { ...aCause, end: 'cancelled', code: 'cancelled' } as const]
    const kept = await Promise.all(causes.map(cause => store.work.saveUndo(deployment.id, cause)))
    assert.deepEqual(kept, [true, false])
    assert.deepEqual((await store.work.run(deployment.id))?.undo, aCause)
  })

  test('steps are kept by phase and position, and a step written again is updated', async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance)
    const step = (phase: StepRecord['phase'], position: number): StepRecord => ({
      deploymentId: deployment.id,
      phase,
      position,
      digest: `${phase}${position}`,
      step: aStep,
      state: 'begun',
      beganAt: someTime,
    })
    const order = [step('undo', 0), step('forward', 10), step('forward', 2), step('forward', 0)]
    for (const record of order) await store.work.saveStep(record)
    const done: StepRecord = { ...step('forward', 2), state: 'done', endedAt: someTime, note: '12 requests' }
    await store.work.saveStep(done)
    await store.work.saveStep({ ...step('forward', 0), deploymentId: 'dep_other' })
    assert.deepEqual(await store.work.steps(deployment.id), [
      step('forward', 0),
      done,
      step('forward', 10),
      step('undo', 0),
    ])
    assert.deepEqual(await store.work.steps('dep_none'), [])
  })

  test('signals are numbered within the instance, kept in order, and make it due', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const second = anInstance({ name: 'second' })
    await store.instances.insert(second)
    const promote = {
      deploymentId: 'd1',
      instanceId: instance.id,
      kind: 'promote',
      gate: 'at 25 %',
      by: 'ann',
    } as const
    const failed = {
      deploymentId: 'd1',
      instanceId: instance.id,
      kind: 'check_failed',
      cause: 'p95',
      by: 'slipway',
    } as const
    const one = await store.work.signal(promote)
    const other = await store.work.signal({ ...promote, deploymentId: 'd2' })
    const three = await store.work.signal(failed)
    assert.deepEqual(one, { ...promote, id: one.id, seq: 1, at: new Date(clock.now()).toISOString() })
    assert.deepEqual([other.seq, three.seq], [2, 3])
    assert.equal((await store.work.signal({ ...promote, deploymentId: 'd3', instanceId: second.id })).seq, 1)
    assert.deepEqual(await store.work.signals('d2'), [other])
    assert.deepEqual((await store.work.signals('d1')).slice(1), [three])
    assert.equal((await store.work.load(instance.id))?.signalSeq, 3)
    assert.equal(await store.work.nextWake(), clock.now())
  })

  test('signals sent at once get numbers without gap or duplicate', async t => {
    const { store, instance } = await world(t, makeStore)
    const told = { deploymentId: 'd1', instanceId: instance.id, kind: 'pause', by: 'ann' } as const
    const sent = await Promise.all(Array.from({ length: 50 }, () => store.work.signal(told)))
    const numbers = sent.map(({ seq }) => seq).toSorted((a, b) => a - b)
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, i) => i + 1),
    )
  })

  test("the instance's wanted state changes only where a patch says", async t => {
    const { store, instance } = await world(t, makeStore)
    const fresh = { instance, table: [], generations: {}, ports: {}, epoch: 0, signalSeq: 0 }
    assert.deepEqual(await store.work.load(instance.id), fresh)
    const patch = { table: aStep.table, generations: { web: 2 }, ports: { web: 20_001 }, activeDeploymentId: 'dep_1' }
    await store.work.patch(instance.id, patch)
    assert.deepEqual(await store.work.load(instance.id), { ...fresh, ...patch })
    await store.work.patch(instance.id, { activeDeploymentId: null, table: [] })
    await store.work.patch(instance.id, {})
    const { activeDeploymentId: _gone, ...rest } = patch
    assert.deepEqual(await store.work.load(instance.id), { ...fresh, ...rest, table: [] })
    assert.equal(await store.work.load('inst_none'), undefined)
  })

  test('a port is reserved once and free again when it is given back', async t => {
    const { store, instance } = await world(t, makeStore)
    const { work } = store
    const won = await Promise.all(['a', 'b', 'c'].map(id => work.reservePort(20_001, id, 'replica')))
    assert.equal(won.filter(Boolean).length, 1)
    await work.releasePorts(['a', 'b', 'c'][won.indexOf(true)] ?? '')
    assert.equal(await work.reservePort(20_002, instance.id, 'router'), true)
    assert.equal(await work.reservePort(20_003, instance.id, 'replica'), true)
    assert.equal(await work.reservePort(20_003, instance.id, 'replica'), false)
    assert.deepEqual(await work.takenPorts(), new Set([20_002, 20_003]))
    assert.deepEqual(
      (await work.reservations()).map(each => ({ ...each })),
      [
        { port: 20_002, instanceId: instance.id, purpose: 'router' },
        { port: 20_003, instanceId: instance.id, purpose: 'replica' },
      ],
    )
    await work.releasePorts(instance.id, 'replica')
    assert.deepEqual(await work.takenPorts(), new Set([20_002]))
    await work.releasePorts(instance.id)
    assert.deepEqual(await work.takenPorts(), new Set())
  })
}
