import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestamp } from '../../../src/clock.ts'
import type { Sample } from '../../../src/deploy/history.ts'
import { aDeployment, anInstance, aRequest, type MakeStore, world } from './fixtures.ts'

const minuteMs = 60_000

export function historyTests(makeStore: MakeStore): void {
  test('samples of a deployment come back as they were, in order; thinned, every other one is left', async t => {
    const { store, clock } = await world(t, makeStore)
    const samples = Array.from(
      { length: 250 },
      (_, n): Sample => aSample('dep_1', timestamp(clock.now() + n * 1000), n),
    )
    await store.history.addSamples([...samples, aSample('dep_2', timestamp(clock.now()), 1)])
    assert.deepEqual(await store.history.samples('dep_1'), samples)
    assert.deepEqual(
      await store.history.countSamples(['dep_1', 'dep_2', 'dep_3']),
      new Map([
        ['dep_1', 250],
        ['dep_2', 1],
      ]),
    )
    await store.history.thinSamples('dep_1')
    assert.deepEqual(
      await store.history.samples('dep_1'),
      samples.filter((_, n) => n % 2 === 0),
    )
    assert.equal((await store.history.samples('dep_2')).length, 1)
  })

  test('samples go with the plan of their deployment', async t => {
    const { store, instance } = await world(t, makeStore)
    const ended = aDeployment(instance, { state: 'succeeded', finishedAt: '2026-11-01T00:00:00.000Z' })
    await store.deploys.insertDeployment(ended, aRequest)
    const plan = { base: [], mode: 'deploy', old: [], next: [], specs: {}, options: {}, readyAtStart: {} } as const
    await store.work.savePlan(ended.id, { ...plan, replicas: {}, keepWarmMs: 0 })
    await store.history.addSamples([aSample(ended.id, '2026-11-01T00:00:00.000Z', 1)])
    await store.work.shrinkRuns({ keep: 0, keepMs: 0 }, '', 10)
    assert.deepEqual(await store.history.samples(ended.id), [])
  })

  test('health is kept as spans: what changes ends one and begins another, service by service', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const { id: instanceId } = instance
    const at = (minutes: number) => timestamp(clock.now() + minutes * minuteMs)
    await store.history.noteHealth([
      { instanceId, health: 'ready', at: at(0) },
      { instanceId, service: 'web', health: 'ready', at: at(0) },
      { instanceId: 'inst_other', health: 'down', at: at(0) },
    ])
    await store.history.noteHealth([{ instanceId, health: 'partly', at: at(2) }])
    await store.history.noteHealth([{ instanceId, service: 'web', at: at(3) }])
    const first = { instanceId, health: 'ready', from: at(0), until: at(2) }
    const web = { instanceId, service: 'web', health: 'ready', from: at(0), until: at(3) }
    const last = { instanceId, health: 'partly', from: at(2) }
    assert.deepEqual(await store.history.spans(instanceId, at(1)), [first, web, last])
    assert.deepEqual(await store.history.spans(instanceId, at(2)), [web, last])
    assert.deepEqual(await store.history.lasting([instanceId, 'inst_none']), [last])
  })

  test('what ended before is pruned a few at a time; what lasts stays however old it is', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const { id: instanceId } = instance
    const at = (minutes: number) => timestamp(clock.now() + minutes * minuteMs)
    for (let n = 0; n < 6; n++)
      await store.history.noteHealth([{ instanceId, health: n % 2 === 0 ? 'ready' : 'down', at: at(n) }])
    await store.history.noteWatch('old', at(0), at(1))
    await store.history.noteWatch('new', at(2), at(3))
    await store.history.noteWatch('new', at(2), at(8))
    assert.deepEqual([await store.history.pruneHealth(at(5), 3), await store.history.pruneHealth(at(5), 3)], [3, 1])
    assert.deepEqual(
      (await store.history.spans(instanceId, at(0))).map(({ from }) => from),
      [at(4), at(5)],
    )
    assert.deepEqual(await store.history.watches(at(0)), [{ from: at(2), until: at(8) }])
    await store.history.pruneHealth(at(1000), 100)
    assert.deepEqual(
      (await store.history.spans(instanceId, at(1000))).map(({ health }) => health),
      ['down'],
    )
  })

  test('an image that was removed is known by when, the last time counts', async t => {
    const { store } = await world(t, makeStore)
    await store.history.notePruned(['a', 'b'], '2026-11-01T00:00:00.000Z')
    await store.history.notePruned(['b'], '2026-11-02T00:00:00.000Z')
    assert.deepEqual(
      await store.history.pruned(['a', 'b', 'c']),
      new Map([
        ['a', '2026-11-01T00:00:00.000Z'],
        ['b', '2026-11-02T00:00:00.000Z'],
      ]),
    )
  })

  test('the last deployments of many instances are found, the newest of each first', async t => {
    const { store, instance } = await world(t, makeStore)
    const others = Array.from({ length: 120 }, (_, n) => anInstance({ name: `shop-${n}` }))
    for (const one of others) await store.instances.insert(one)
    for (const one of [instance, ...others]) {
      await store.deploys.insertDeployment(aDeployment(one, { releaseId: 'rel_1', state: 'failed' }), aRequest)
      await store.deploys.insertDeployment(aDeployment(one, { kind: 'scale' }), aRequest)
      await store.deploys.insertDeployment(aDeployment(one, { releaseId: 'rel_2', restored: true }), aRequest)
    }
    const ids = [instance, ...others].map(({ id }) => id)
    const found = await store.history.outcomes(ids, ['deploy'], 1)
    assert.deepEqual(new Set(found.map(({ instanceId }) => instanceId)), new Set(ids))
    assert.deepEqual(
      new Set(found.map(({ releaseId, restored }) => `${releaseId} ${restored}`)),
      new Set(['rel_2 true']),
    )
    const [newest, oldest] = await store.history.outcomes([instance.id], ['deploy'], 30)
    assert.deepEqual([newest?.releaseId, oldest?.releaseId], ['rel_2', 'rel_1'])
  })

  test('a release ran for all of its turns: from each success of its own to the next of another', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const at = (minutes: number) => timestamp(clock.now() + minutes * minuteMs)
    const turn = async (releaseId: string, minutes: number, more = {}) => {
      const deployment = aDeployment(instance, { releaseId, state: 'succeeded', finishedAt: at(minutes), ...more })
      await store.deploys.insertDeployment(deployment, aRequest)
    }
    await turn('rel_1', 0, { kind: 'initial' })
    await turn('rel_2', 10, { state: 'rolled_back' })
    await turn('rel_3', 12, { state: 'failed' })
    await turn('rel_1', 15, { kind: 'rollback' })
    assert.deepEqual(
      await store.history.ranForMs(instance.id, ['rel_1', 'rel_2', 'rel_3'], at(20)),
      new Map([
        ['rel_1', 15 * minuteMs],
        ['rel_2', 5 * minuteMs],
      ]),
    )
  })

  test('what succeeded by a strategy and performed something is found, newest first; and what runs', async t => {
    const { store, instance } = await world(t, makeStore)
    const add = async (more: Parameters<typeof aDeployment>[1]) => {
      const deployment = aDeployment(instance, { state: 'succeeded', strategy: 'canary', stepCount: 3, ...more })
      await store.deploys.insertDeployment(deployment, aRequest)
      return deployment.id
    }
    const first = await add({})
    const second = await add({ state: 'rolled_back' })
    await add({ state: 'failed' })
    await add({ stepCount: 0 })
    await add({ strategy: 'rolling' })
    await add({ kind: 'rollback' })
    const running = await add({ state: 'running' })
    const found = await store.history.succeeded(instance.id, 'canary', 'deploy', 5)
    assert.deepEqual(
      found.map(({ id }) => id),
      [second, first],
    )
    assert.deepEqual(await store.history.running(), [{ id: running, instanceId: instance.id }])
  })
}

function aSample(deploymentId: string, at: string, requests: number): Sample {
  return {
    deploymentId,
    at,
    spanMs: 1000,
    shares: [{ service: 'web', revision: 'aa.1', set: 25, actual: 24.5, requests, errors: 0, p95Ms: 12.5 }],
    ...(requests % 3 === 0
      ? { checks: { position: 2, values: [{ check: 0, verdict: 'pass', text: 'fine', value: 0, threshold: 1 }] } }
      : {}),
  }
}
