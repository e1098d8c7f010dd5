import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recordFirstRelease } from '../../../src/deploy/initial.ts'
import { newId } from '../../../src/id.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import { house, quick, web } from '../../engine/harness.ts'
import { performed, running, started, traffic } from '../../engine/look.ts'
import { allDeployments, assertSound, settled } from '../../engine/sound.ts'

const port = [{ name: 'http' }]
const web2 = [{ name: 'web', image: 'fake:web-2' }]

describe('versions', () => {
  test('a hundred concurrent deploys get the next hundred versions in order and run one at a time', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    const asked = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: `fake:web-${index}` }] }),
      ),
    )
    const versions = await Promise.all(asked.map(async ({ releaseId }) => (await h.acme.getRelease(releaseId)).version))
    assert.deepEqual(
      versions,
      Array.from({ length: 100 }, (_, index) => index + 2),
    )
    const ends = []
    for (const deployment of asked) ends.push(await h.end(deployment))
    assert.ok(ends.every(end => end.state === 'succeeded'))
    const starts = ends.map(end => end.startedAt ?? '')
    assert.deepEqual(starts, starts.toSorted())
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-99'])
    await assertSound(h, shop.id)
  })

  test('a failed or cancelled rollout keeps its version, and leaves the release before it active', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    h.world.image('fake:web-gone', { unavailable: 'prepare' })
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-gone' }] }))
    const third = await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2 }))
    const { items } = await h.acme.listReleases(shop.id)
    assert.deepEqual(
      items.map(({ version, active }) => [version, active]),
      [
        [3, true],
        [2, false],
        [1, false],
      ],
    )
    assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, third.releaseId)
  })
})

describe('a deploy that succeeds', () => {
  test("sets the provider's handle, the current release and the declared services", async t => {
    const h = await house(t)
    const shop = await h.shop()
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: web2, notes: 'n', commitSha: 'c0ffee' }),
    )
    assert.equal(end.providerRef, `fake:${shop.id}`)
    assert.deepEqual(end.serviceProgress, { web: 'succeeded' })
    assert.deepEqual([end.notes, end.commitSha, end.initiator], ['n', 'c0ffee', 'ana'])
    const after = await h.acme.instances.get(shop.id)
    assert.equal(after.currentReleaseId, end.releaseId)
    assert.equal(after.services.find(({ name }) => name === 'web')?.image, 'fake:web-2')
    const release = await h.acme.getRelease(end.releaseId)
    assert.deepEqual([release.notes, release.commitSha, release.active], ['n', 'c0ffee', true])
    assert.deepEqual(release.services.map(({ name }) => name).sort(), ['api', 'web', 'worker'])
  })

  test('restarts a service of which only the env changed, with the new env', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), env: { FLAG: 'off' } }] })
    const services = [{ name: 'web', image: 'fake:web-1', env: { FLAG: 'on' } }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services }))
    assert.equal(end.state, 'succeeded')
    assert.deepEqual(
      started(h, shop.id).map(spec => spec.env.FLAG),
      ['off', 'on'],
    )
    assert.equal(running(h, shop.id).web?.length, 1)
  })

  test('makes a release and succeeds at once with an empty plan when nothing changes', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const calls = h.world.calls.length
    const services = [{ name: 'web', image: 'fake:web-1' }]
    for (const strategy of ['rolling', 'blue-green', 'canary', 'recreate']) {
      const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy }))
      assert.equal(end.state, 'succeeded')
      assert.equal(end.stepCount, 0)
      assert.deepEqual(await performed(h, end), [])
      assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, end.releaseId)
    }
    assert.equal((await h.acme.listReleases(shop.id)).total, 5)
    assert.equal(h.world.calls.length, calls, 'nothing was touched')
    await assertSound(h, shop.id)
  })

  test('keeps a service by its new health check though it is not restarted for it', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    const services = [{ name: 'web', image: 'fake:web-1', healthCheck: { ...quick, path: '/new' } }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services }))
    assert.deepEqual(await performed(h, end), [])
    const record = await h.store.work.load(shop.id)
    assert.deepEqual(
      record?.table.map(row => row.release),
      [end.releaseId],
    )
  })

  test('under a moved tag brings the content that the tag means now', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web')] })
    h.world.image('fake:web', { content: 'newer' })
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web' }] }),
    )
    assert.equal(end.state, 'succeeded')
    assert.equal((await performed(h, end)).length > 0, true)
  })
})

describe('a complete deploy', () => {
  test('adds, changes and removes services; those that go are remembered with their count', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const cache = { name: 'cache', image: 'fake:cache', ports: port, healthCheck: quick, replicas: 2 }
    const services = [{ ...web('fake:web-2'), replicas: 9, dependsOn: ['cache'] }, cache]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, complete: true }))
    assert.equal(end.state, 'succeeded', end.error)
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id), {
      web: ['fake:web-2', 'fake:web-2'],
      cache: ['fake:cache', 'fake:cache'],
    })
    const after = await h.acme.instances.get(shop.id)
    assert.deepEqual(after.removedReplicas, { api: 2, worker: 1 })
    assert.deepEqual(Object.keys(after.urls).sort(), ['cache', 'web'])
    assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-2': 100 }, cache: { 'fake:cache': 100 } })

    const api = { name: 'api', image: 'fake:api-3', ports: port, healthCheck: quick, replicas: 7 }
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [...services, api], complete: true }))
    assert.equal(running(h, shop.id).api?.length, 2, 'as many as it had when it went')
    await assertSound(h, shop.id)
  })

  test('that fails leaves no trace of what it would have added', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    const before = await h.acme.instances.get(shop.id)
    h.world.script({ image: 'fake:cache' }, { readyMs: 'never' })
    const cache = { name: 'cache', image: 'fake:cache', ports: port, healthCheck: quick }
    const api = { name: 'api', image: 'fake:api-1', ports: port, healthCheck: quick }
    const services = [
      { ...web('fake:web-1'), dependsOn: ['api'] },
      api,
      { name: 'worker', image: 'fake:worker-1' },
      cache,
    ]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, complete: true }))
    assert.equal(end.state, 'failed')
    await settled(h, shop.id)
    assert.deepEqual(Object.keys(running(h, shop.id)).sort(), ['api', 'web', 'worker'])
    const after = await h.acme.instances.get(shop.id)
    assert.deepEqual([after.services, after.urls], [before.services, before.urls])
    assert.deepEqual(Object.keys(h.router.proxy.tables.get(shop.id)?.services ?? {}).sort(), ['api', 'web'])
  })

  test('may take the exposed service away, and with it what it was exposed as', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const api = { name: 'api', image: 'fake:api-1', ports: port, healthCheck: quick }
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [api], complete: true }))
    assert.equal((await h.acme.instances.get(shop.id)).expose, undefined)
  })
})

describe('exclusive services and workers', () => {
  for (const strategy of ['rolling', 'blue-green', 'canary', 'recreate']) {
    test(`two versions of an exclusive one never run at once in a ${strategy}`, async t => {
      const h = await house(t)
      const db = { name: 'db', image: 'fake:db-1', ports: port, healthCheck: quick, exclusive: true }
      const shop = await h.shop({ services: [{ ...web('fake:web-1'), dependsOn: ['db'] }, db] })
      h.world.script({ service: 'db' }, { stopMs: 700, startMs: 100, readyMs: 300 })
      h.world.crash(shop.id, h.world.replicas(shop.id).find(({ service }) => service === 'db')?.name ?? '')
      const options = strategy === 'canary' ? { steps: [{ weight: 50, holdSeconds: 1 }] } : {}
      const services = [{ name: 'db', image: 'fake:db-2' }, ...web2]
      const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy, options }))
      assert.equal(end.state, 'succeeded', end.error)
      await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
      await settled(h, shop.id)
      const alive = new Map<string, string>()
      for (const { what, replica } of h.world.history) {
        if (replica.service !== 'db') continue
        if (what === 'asked') alive.set(replica.id, replica.revision)
        if (what === 'exited') alive.delete(replica.id)
        assert.ok(alive.size <= 1, [...alive].join(' and '))
      }
      assert.deepEqual(running(h, shop.id).db, ['fake:db-1'])
      await assertSound(h, shop.id)
    })
  }

  test('a worker in a blue-green moves after traffic has, and nothing of it stays warm', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const services = [...web2, { name: 'worker', image: 'fake:worker-2' }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' }))
    assert.equal(end.state, 'succeeded')
    const steps = (await performed(h, end)).map(line => line.replaceAll(/ [0-9a-f]{6}(\.\d+)?/gu, ''))
    assert.deepEqual(steps, [
      'prepare web, worker, done',
      'run 2 of web, done',
      'route web 100 % to, done',
      'run 1 of worker, done',
      'retire worker to 0, done',
    ])
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).worker, ['fake:worker-2'])
    assert.equal(running(h, shop.id).web?.length, 4)
  })

  test('old replicas stop only when the new ones are ready', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), replicas: 3 }] })
    h.world.script({ image: 'fake:web-2' }, { readyMs: [100, 900] })
    for (const strategy of ['rolling', 'blue-green', 'canary']) {
      const options = strategy === 'canary' ? { steps: [{ weight: 40, holdSeconds: 0 }] } : {}
      const from = h.world.history.length
      const there = h.world.replicas(shop.id).length
      const image = `fake:web-${strategy}`
      h.world.script({ image }, { readyMs: [100, 900] })
      await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image }], strategy, options }))
      let serving = there
      for (const { what } of h.world.history.slice(from)) {
        if (what === 'running') serving++
        if (what === 'stopping') serving--
        assert.ok(serving >= 3, strategy)
      }
    }
  })
})

describe('recordInitial', () => {
  test('records version 1 of an instance that runs, with a succeeded deployment, and only once', async t => {
    const h = await house(t)
    const instance = await adopted(h.store.instances)
    const [one, two] = await Promise.all([h.acme.recordInitial(instance.id), h.acme.recordInitial(instance.id)])
    assert.deepEqual(one, two)
    assert.equal(one.version, 1)
    assert.equal(one.active, true)
    assert.equal((await h.acme.listReleases(instance.id)).total, 1)
    const [deployment, ...others] = await allDeployments(h, instance.id)
    assert.deepEqual(others, [])
    assert.deepEqual([deployment?.kind, deployment?.strategy, deployment?.state], ['initial', 'initial', 'succeeded'])
    const kinds = (await h.events({ instanceId: instance.id })).map(event => event.type)
    assert.deepEqual(kinds, ['release.created', 'release.activated', 'deploy.succeeded'])
    assert.equal((await h.acme.instances.get(instance.id)).currentReleaseId, one.id)
  })

  test('returns the first release whatever came after it', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2 }))
    const last = await h.store.events.lastSeq()
    const first = await h.acme.recordInitial(shop.id)
    assert.deepEqual([first.id, first.version], [shop.currentReleaseId, 1])
    assert.equal(await h.store.events.lastSeq(), last)
  })

  test('is all or nothing', async t => {
    const h = await house(t)
    const instance = await adopted(h.store.instances)
    const last = await h.store.events.lastSeq()
    await assert.rejects(
      h.store.transaction(async tx => {
        await recordFirstRelease(instance, [], 'ana', tx, '2026-01-01T00:00:00.000Z')
        throw new Error('cut')
      }),
    )
    assert.equal((await h.acme.listReleases(instance.id)).total, 0)
    assert.deepEqual(await allDeployments(h, instance.id), [])
    assert.equal(await h.store.events.lastSeq(), last)
  })

  test('is refused for an instance that does not run yet', async t => {
    const h = await house(t)
    h.world.script({}, { readyMs: 'never' })
    const { instance } = await h.acme.instances.create({ name: 'shop', services: [web('fake:web-1')] })
    await h.clock.advance(1000)
    await assert.rejects(h.acme.recordInitial(instance.id), { code: 'instance_state' })
    assert.equal((await h.acme.listReleases(instance.id)).total, 0)
  })

  /** An instance that something else than Slipway brought up. */
  async function adopted(instances: { insert(instance: Instance): Promise<void> }): Promise<Instance> {
    const at = '2026-01-01T00:00:00.000Z'
    const instance: Instance = {
      id: newId('inst'),
      createdAt: at,
      updatedAt: at,
      tenantId: 'acme',
      name: 'old',
      state: 'running',
      services: [{ ...web('fake:web-1'), replicas: 1 }],
      hosts: [],
      policies: {},
      provider: 'fake',
      urls: {},
    }
    await instances.insert(instance)
    return instance
  }
})
