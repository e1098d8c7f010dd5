import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Deployment, DeploymentKind } from '../../../src/deploy/deployment.ts'
import type { DeploymentPatch } from '../../../src/deploy/store.ts'
import { isSlipwayError } from '../../../src/errors.ts'
import { aDeployment, anInstance, aRequest, everyPage, type MakeStore, someTime, world } from './fixtures.ts'

export function deploymentTests(makeStore: MakeStore): void {
  test('a deployment comes back as it was written, absent fields absent', async t => {
    const { store, instance } = await world(t, makeStore)
    const bare = aDeployment(instance)
    const full = aDeployment(instance, fullFields)
    await store.deploys.insertDeployment(bare, aRequest)
    await store.deploys.insertDeployment(full, aRequest)
    assert.deepEqual(await store.deploys.getDeployment('acme', bare.id), bare)
    assert.deepEqual(await store.deploys.getDeployment('acme', full.id), full)
  })

  test('a patch sets what it names, takes away what it nulls and stamps the time', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    const fields = Object.keys(fullFields) as (keyof typeof fullFields)[]
    const patches = fc.array(
      fc.dictionary(fc.constantFrom(...fields), fc.boolean(), { maxKeys: 6, noNullPrototype: true }),
      { maxLength: 6 },
    )
    await fc.assert(
      fc.asyncProperty(patches, async steps => {
        let wanted: Deployment = aDeployment(instance)
        await store.deploys.insertDeployment(wanted, aRequest)
        for (const step of steps) {
          clock.advance(1_000)
          const patch: Record<string, unknown> = {}
          for (const [field, set] of Object.entries(step)) patch[field] = set ? fullFields[field as never] : null
          assert.equal(await store.deploys.updateDeployment(wanted.id, ['pending'], patch as DeploymentPatch), true)
          const next: Record<string, unknown> = { ...wanted, updatedAt: new Date(clock.now()).toISOString(), ...patch }
          for (const field of fields) if (next[field] === null) delete next[field]
          wanted = next as unknown as Deployment
        }
        assert.deepEqual(await store.deploys.getDeployment('acme', wanted.id), wanted)
      }),
      { numRuns: 30 },
    )
  })

  test('a deployment changes only while it is in one of the expected states', async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance)
    await store.deploys.insertDeployment(deployment, aRequest)
    const { deploys } = store
    assert.equal(await deploys.updateDeployment(deployment.id, ['running'], { state: 'succeeded' }), false)
    assert.equal(await deploys.updateDeployment(deployment.id, [], { state: 'succeeded' }), false)
    assert.equal(await deploys.updateDeployment('dep_none', ['pending'], { state: 'running' }), false)
    assert.deepEqual(await store.deploys.getDeployment('acme', deployment.id), deployment)
    assert.equal(await deploys.updateDeployment(deployment.id, ['pending', 'running'], { state: 'running' }), true)
    assert.equal((await store.deploys.getDeployment('acme', deployment.id))?.state, 'running')
  })

  test('of two that race to end a deployment exactly one succeeds', async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance, { state: 'running' })
    await store.deploys.insertDeployment(deployment, aRequest)
    const ends = ['succeeded', 'cancelled', 'failed'] as const
    const won = await Promise.all(
      ends.map(state => store.deploys.updateDeployment(deployment.id, ['running'], { state })),
    )
    assert.equal(won.filter(Boolean).length, 1)
    assert.equal((await store.deploys.getDeployment('acme', deployment.id))?.state, ends[won.indexOf(true)])
  })

  test('deployments are listed newest first, each once, while more are added', async t => {
    const { store, instance } = await world(t, makeStore)
    const ids: string[] = []
    const add = async () => {
      const deployment = aDeployment(instance)
      await store.deploys.insertDeployment(deployment, aRequest)
      ids.unshift(deployment.id)
    }
    for (let i = 0; i < 23; i++) await add()
    const before = [...ids]
    const all = await everyPage(o => store.deploys.listDeployments('acme', instance.id, o), 5, add)
    assert.deepEqual(
      all.map(({ id }) => id),
      before,
    )
    const { total, items } = await store.deploys.listDeployments('acme', instance.id)
    assert.equal(total, ids.length)
    assert.equal(items.length, 20)
  })

  test('a page that ends exactly at the last row has no next one', async t => {
    const { store, instance } = await world(t, makeStore)
    for (let i = 0; i < 4; i++) await store.deploys.insertDeployment(aDeployment(instance), aRequest)
    const first = await store.deploys.listDeployments('acme', instance.id, { limit: 2 })
    assert.ok(first.nextCursor)
    const second = await store.deploys.listDeployments('acme', instance.id, { limit: 2, cursor: first.nextCursor })
    assert.equal(second.items.length, 2)
    assert.equal('nextCursor' in second, false)
  })

  test('an empty list is an empty list with a total of 0', async t => {
    const { store, instance } = await world(t, makeStore)
    const empty = { items: [], total: 0 }
    assert.deepEqual(await store.deploys.listDeployments('acme', instance.id), empty)
    assert.deepEqual(await store.deploys.listDeployments('acme', instance.id, { kinds: [] }), empty)
    assert.deepEqual(await store.deploys.listByState('acme', ['running']), empty)
    assert.deepEqual(await store.deploys.listByState('acme', []), empty)
  })

  test('runs that bring out no release are listed and counted only when asked for', async t => {
    const { store, instance } = await world(t, makeStore)
    const kinds: DeploymentKind[] = ['deploy', 'rollback', 'initial', 'scale', 'restart', 'deploy']
    for (const kind of kinds) await store.deploys.insertDeployment(aDeployment(instance, { kind }), aRequest)
    const listed = await store.deploys.listDeployments('acme', instance.id)
    assert.deepEqual(
      listed.items.map(({ kind }) => kind),
      ['deploy', 'initial', 'rollback', 'deploy'],
    )
    assert.equal(listed.total, 4)
    const scales = await store.deploys.listDeployments('acme', instance.id, { kinds: ['scale', 'stop'], limit: 1 })
    assert.deepEqual(
      scales.items.map(({ kind }) => kind),
      ['scale'],
    )
    assert.equal(scales.total, 1)
  })

  test('deployments of a state are listed across the instances of one tenant', async t => {
    const { store, instance } = await world(t, makeStore)
    const second = anInstance({ name: 'second' })
    const theirs = anInstance({ tenantId: 'other' })
    for (const each of [second, theirs]) await store.instances.insert(each)
    const running = [instance, second, theirs, instance].map(each => aDeployment(each, { state: 'running' }))
    for (const each of running) await store.deploys.insertDeployment(each, aRequest)
    await store.deploys.insertDeployment(aDeployment(second, { state: 'failed' }), aRequest)
    const wanted = [running[3], running[1], running[0]].map(each => each?.id)
    const all = await everyPage(o => store.deploys.listByState('acme', ['running', 'pending'], o), 2)
    assert.deepEqual(
      all.map(({ id }) => id),
      wanted,
    )
    assert.equal((await store.deploys.listByState('acme', ['running', 'failed'], { limit: 1 })).total, 4)
  })

  test("another tenant's deployment is one that does not exist", async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance)
    await store.deploys.insertDeployment(deployment, aRequest)
    assert.equal(await store.deploys.getDeployment('other', deployment.id), undefined)
    assert.equal(await store.deploys.getDeployment('acme', 'dep_none'), undefined)
    assert.deepEqual(
      await store.deploys.listDeployments('other', instance.id),
      await store.deploys.listDeployments('other', 'inst_none'),
    )
  })

  test('a limit or a cursor that can not be is refused', async t => {
    const { store, instance } = await world(t, makeStore)
    const refused = (error: unknown) => isSlipwayError(error, 'invalid_request')
    for (const limit of [0, -1, 201, 1.5, Number.NaN]) {
      await assert.rejects(store.deploys.listDeployments('acme', instance.id, { limit }), refused, `limit ${limit}`)
    }
    const ofReleases = Buffer.from('releases:3').toString('base64url')
    for (const cursor of ['', 'x', '%%%', 'a'.repeat(10_000), ofReleases]) {
      await assert.rejects(store.deploys.listDeployments('acme', instance.id, { cursor }), refused, cursor)
    }
    assert.deepEqual((await store.deploys.listDeployments('acme', instance.id, { limit: 200 })).items, [])
  })
}

/** One value for each optional field. */
const fullFields = {
  options: { steps: [5, 100], maxSurge: 0 },
  serviceProgress: { web: 'running' },
  providerRef: 'web.9f3c.1',
  startedAt: someTime,
  finishedAt: someTime,
  error: 'It did not work: "Ünïcødé" 🚢.',
  errorCode: 'step_failed',
  notes: 'two\nlines',
  commitSha: 'abc',
  fromReleaseId: 'rel_1',
  restored: false,
  rolledBackBy: 'dep_2',
  retryOf: 'dep_1',
  reason: { code: 'queued', text: 'waits', since: someTime },
  step: 0,
  stepCount: 7,
} as const satisfies Partial<Deployment>
