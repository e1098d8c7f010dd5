import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrozenPlan, RunRequest } from '../../../src/deploy/run.ts'
import type { Step, Table } from '../../../src/deploy/step.ts'
import type { Store } from '../../../src/deploy/work.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import { aDeployment, aRelease, aRequest, type HandClock, type MakeStore, someTime, world } from './fixtures.ts'

const hourMs = 3_600_000
/** A cap that nothing reaches. */
const boundless = { keep: 1_000_000, keepMs: 1_000_000 * hourMs }

export function retentionTests(makeStore: MakeStore): void {
  test('the log of events keeps as many as its cap says, the newest ones, and tells up to where it was pruned', async t => {
    const { store } = await world(t, makeStore)
    const seqs = await append(store, 10)
    assert.equal(await store.events.prunedTo(), 0)
    assert.equal(await store.events.prune({ ...boundless, keep: 4 }, 100), 6)
    assert.deepEqual(await left(store), seqs.slice(6))
    assert.equal(await store.events.prunedTo(), seqs[5])
    assert.equal(await store.events.prune({ ...boundless, keep: 4 }, 100), 0)
  })

  test('the log of events loses what is older than its cap, a few at a time, from its start on', async t => {
    const { store, clock } = await world(t, makeStore)
    await append(store, 5)
    clock.advance(2 * hourMs)
    const young = await append(store, 2)
    const cap = { ...boundless, keepMs: hourMs }
    const gone: number[] = []
    for (let count = 3; count > 0; gone.push(count)) count = await store.events.prune(cap, 3)
    assert.deepEqual(gone, [3, 2, 0])
    assert.deepEqual(await left(store), young)
  })

  test('the log of events is shortened from its start only, though the clock was set back and what came later looks older', async t => {
    const { store, clock } = await world(t, makeStore)
    const before = await append(store, 2)
    clock.advance(-2 * hourMs)
    const after = await append(store, 3)
    clock.advance(2 * hourMs)
    const cap = { ...boundless, keepMs: hourMs }
    assert.equal(await store.events.prune(cap, 100), 0)
    assert.deepEqual(await left(store), [...before, ...after])
    assert.equal(await store.events.prunedTo(), 0)
    clock.advance(1.5 * hourMs)
    assert.equal(await store.events.prune(cap, 100), 4)
    assert.equal(await store.events.prunedTo(), after[1])
  })

  test('the newest event stays however old it is, and no number is given twice', async t => {
    const { store, clock } = await world(t, makeStore)
    const seqs = await append(store, 3)
    clock.advance(1000 * hourMs)
    await store.events.prune({ keep: 0, keepMs: hourMs }, 100)
    assert.deepEqual(await left(store), seqs.slice(2))
    const [next = 0] = await append(store, 1)
    assert.ok(next > (seqs[2] ?? 0))
  })

  test('an event that a named subscriber has not read stays until it is twice beyond the cap', async t => {
    const { store, clock } = await world(t, makeStore)
    const seqs = await append(store, 10)
    await store.events.setCursor('fast', seqs[8] ?? 0)
    await store.events.setCursor('slow', seqs[2] ?? 0)
    await store.events.prune({ ...boundless, keep: 4 }, 100)
    assert.deepEqual(await left(store), seqs.slice(3))
    await store.events.prune({ ...boundless, keep: 2 }, 100)
    assert.deepEqual(await left(store), seqs.slice(6))
    clock.advance(1.5 * hourMs)
    await store.events.prune({ ...boundless, keepMs: hourMs }, 100)
    assert.deepEqual(await left(store), seqs.slice(6))
    clock.advance(hourMs)
    await store.events.prune({ ...boundless, keepMs: hourMs }, 100)
    assert.deepEqual(await left(store), seqs.slice(9))
  })

  test('an instance needs the images of its newest releases, of the newest that were active, and of the active one', async t => {
    const { store, instance } = await world(t, makeStore)
    for (let version = 1; version <= 10; version++) {
      const release = aRelease(instance, version, services(`v${version}`))
      await store.deploys.insertRelease(release)
      if (version <= 6) await store.deploys.activateRelease(instance.id, release.id, someTime)
      if (version === 6) await store.deploys.activateRelease(instance.id, (await oldest(store, instance)).id, someTime)
    }
    assert.deepEqual(await needed(store, instance, 2), ['v1', 'v10', 'v5', 'v6', 'v9'])
    assert.deepEqual(await needed(store, instance, 0), ['v1'])
    await store.instances.delete('acme', instance.id)
    assert.deepEqual(await needed(store, instance, 2), [])
    assert.deepEqual(await store.work.images('inst_none', 2), [])
  })

  test('an instance needs the images of its table, and of everything that runs or waits', async t => {
    const { store, instance } = await world(t, makeStore)
    const releases = ['warm', 'back'].map((digest, index) => aRelease(instance, index + 1, services(digest)))
    for (const release of releases) await store.deploys.insertRelease(release)
    const table: Table = [{ service: 'web', revision: 'aa.1', replicas: 1, weight: 0, release: releases[0]?.id ?? '' }]
    await store.work.patch(instance.id, { table })
    const spec = (digest: string) => ({ name: 'web', image: 'file:./web', digest })
    const requests: RunRequest[] = [
      { kind: 'deploy', services: [spec('asked')], declared: [spec('declared')], complete: false },
      { kind: 'rollback', releaseId: releases[1]?.id ?? '' },
      { kind: 'provision', services: [spec('provisioned')] },
    ]
    for (const request of requests) await store.deploys.insertDeployment(aDeployment(instance), request)
    const ended = aDeployment(instance, { state: 'failed' })
    await store.deploys.insertDeployment(ended, { kind: 'deploy', services: [spec('failed')], complete: false })
    const running = aDeployment(instance, { state: 'running' })
    await store.deploys.insertDeployment(running, aRequest)
    await store.work.savePlan(running.id, { ...aPlan, specs: { rel_1: [spec('planned')] } })
    assert.deepEqual(await needed(store, instance, 0), ['asked', 'back', 'declared', 'planned', 'provisioned', 'warm'])
  })

  test('deployments that ended long ago, or before too many others, lose plan, steps and signals, and keep the rest', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const old = await performed(store, instance, clock, 'succeeded')
    const parked = await performed(store, instance, clock, 'running')
    clock.advance(2 * hourMs)
    const young = [
      await performed(store, instance, clock, 'failed'),
      await performed(store, instance, clock, 'cancelled'),
      await performed(store, instance, clock, 'succeeded'),
    ]
    const before = await Promise.all([old, parked, ...young].map(id => store.work.run(id)))
    assert.deepEqual(await store.work.shrinkRuns({ ...boundless, keepMs: hourMs }, '', 100), { shrunk: 1 })
    assert.deepEqual(await whole(store, [old, parked, ...young]), [false, true, true, true, true])
    assert.deepEqual(await store.work.shrinkRuns({ ...boundless, keep: 2 }, '', 100), { shrunk: 2 })
    assert.deepEqual(await whole(store, [parked, ...young]), [true, false, false, true])
    const after = await Promise.all([old, parked, ...young].map(id => store.work.run(id)))
    assert.deepEqual(
      after.map(run => [run?.deployment, run?.request]),
      before.map(run => [run?.deployment, run?.request]),
    )
  })

  test('deployments are shrunk a few at a time, on from where it left off', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const ids: string[] = []
    for (let count = 0; count < 5; count++) ids.push(await performed(store, instance, clock, 'succeeded'))
    ids.sort()
    const cap = { ...boundless, keep: 0 }
    const first = await store.work.shrinkRuns(cap, '', 2)
    assert.deepEqual(first, { shrunk: 2, next: ids[1] })
    assert.deepEqual(await store.work.shrinkRuns(cap, first.next ?? '', 2), { shrunk: 2, next: ids[3] })
    assert.deepEqual(await store.work.shrinkRuns(cap, ids[3] ?? '', 2), { shrunk: 1 })
    assert.deepEqual(await whole(store, ids), [false, false, false, false, false])
  })
}

const aStep: Step = { kind: 'retire', name: 'retire web', table: [], service: 'web', revision: 'aa.1', replicas: 0 }

const aPlan: FrozenPlan = {
  base: [],
  mode: 'deploy',
  old: [],
  next: [],
  specs: {},
  options: {},
  steps: [aStep],
  readyAtStart: {},
  replicas: {},
  keepWarmMs: 0,
}

const services = (digest: string) => ({ services: [{ name: 'web', image: 'file:./web', digest }] })

const needed = async (store: Store, { id }: Instance, keepReleases: number) =>
  (await store.work.images(id, keepReleases)).toSorted()

const left = async (store: Store) => (await store.events.read({ after: 0, limit: 1000 })).map(event => event.seq)

const oldest = async (store: Store, { tenantId, id }: Instance) => {
  const found = await store.deploys.firstRelease(tenantId, id)
  assert.ok(found)
  return found
}

async function append(store: Store, count: number): Promise<number[]> {
  const seqs: number[] = []
  for (let n = 0; n < count; n++)
    seqs.push((await store.events.append({ type: 'deploy.progress', tenantId: 'acme' })).seq)
  return seqs
}

/** A deployment with everything that its performance leaves behind, which ended now if it ended. */
async function performed(
  store: Store,
  instance: Instance,
  clock: HandClock,
  state: 'running' | 'succeeded' | 'failed' | 'cancelled',
): Promise<string> {
  const at = new Date(clock.now()).toISOString()
  const deployment = aDeployment(instance, { state, ...(state === 'running' ? {} : { finishedAt: at }) })
  const { id: deploymentId } = deployment
  await store.deploys.insertDeployment(deployment, aRequest)
  await store.work.savePlan(deploymentId, aPlan)
  await store.work.saveUndoSteps(deploymentId, [aStep])
  await store.work.saveStep({
    deploymentId,
    phase: 'forward',
    position: 0,
    digest: 'x',
    step: aStep,
    state: 'done',
    beganAt: at,
  })
  await store.work.signal({ deploymentId, instanceId: instance.id, kind: 'cancel', by: 'ann' })
  return deploymentId
}

/** Whether each deployment has all that its performance left behind; one that has a part of it fails. */
async function whole(store: Store, ids: readonly string[]): Promise<boolean[]> {
  const found: boolean[] = []
  for (const id of ids) {
    const run = await store.work.run(id)
    const parts = [run?.plan, run?.undoSteps, (await store.work.steps(id))[0], (await store.work.signals(id))[0]]
    const there = parts.filter(part => part !== undefined).length
    assert.ok(there === 0 || there === parts.length, `${id} has ${there} of ${parts.length}`)
    found.push(there > 0)
  }
  return found
}
