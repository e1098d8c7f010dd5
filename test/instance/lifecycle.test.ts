import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { house, quick, successor, web } from '../engine/harness.ts'
import { names, performed, running, started, traffic } from '../engine/look.ts'
import { life } from '../engine/mortal.ts'
import { atGate, stuck } from '../engine/scenes.ts'
import { assertSound, settled } from '../engine/sound.ts'

const port = [{ name: 'http' }]
const web2 = [{ name: 'web', image: 'fake:web-2' }]

describe('create', () => {
  test('brings services up in the order of their dependencies, and records version 1 once they are', async t => {
    const h = await house(t)
    const shop = await h.shop()
    assert.equal(shop.state, 'running')
    assert.deepEqual(
      started(h, shop.id)
        .map(({ service }) => service)
        .filter(name => name !== 'worker'),
      ['api', 'web'],
    )
    const { items } = await h.acme.listReleases(shop.id)
    assert.deepEqual(
      items.map(({ version, active, id }) => [version, active, id]),
      [[1, true, shop.currentReleaseId]],
    )
    const [deployment] = (await h.acme.listDeployments(shop.id)).items
    assert.deepEqual([deployment?.kind, deployment?.strategy, deployment?.state], ['initial', 'initial', 'succeeded'])
    assert.deepEqual(Object.keys(shop.urls).sort(), ['api', 'web'])
    const hosts = h.router.proxy.tables.get(shop.id)?.services.web?.hosts
    assert.deepEqual(hosts, ['web.shop.acme.localhost', 'shop.acme.localhost'])
    await assertSound(h, shop.id)
  })

  test('of one whose replicas never get ready ends failed, and nothing of it runs', async t => {
    const h = await house(t)
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const { instance, deployment } = await h.acme.instances.create({
      name: 'shop',
      services: [web('fake:web-1'), { name: 'worker', image: 'fake:worker-1' }],
      policies: { progressDeadlineMs: 5000 },
    })
    assert.equal(instance.state, 'provisioning')
    const end = await h.end(deployment)
    assert.equal(end.state, 'failed')
    assert.equal((await h.acme.instances.get(instance.id)).state, 'failed')
    await settled(h, instance.id)
    assert.deepEqual(h.world.replicas(instance.id), [])
    assert.equal((await h.acme.listReleases(instance.id)).total, 0)
    const kinds = (await h.events({ instanceId: instance.id })).map(event => event.type)
    assert.ok(kinds.includes('instance.failed'))
  })

  test('that failed is mended by the next deploy, which takes all services from the declaration', async t => {
    const h = await house(t)
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const { instance, deployment } = await h.acme.instances.create({
      name: 'shop',
      services: [
        { ...web('fake:web-1'), replicas: 2, env: { A: '1' } },
        { name: 'worker', image: 'fake:worker-1' },
      ],
      policies: { progressDeadlineMs: 5000 },
    })
    await h.end(deployment)
    const end = await h.end(await h.acme.deploy({ instanceId: instance.id, services: web2 }))
    assert.equal(end.state, 'succeeded', end.error)
    const release = await h.acme.getRelease(end.releaseId)
    assert.deepEqual(
      release.services.map(({ name, image, env }) => [name, image, env]),
      [
        ['web', 'fake:web-2', { A: '1' }],
        ['worker', 'fake:worker-1', undefined],
      ],
    )
    const after = await h.acme.instances.get(instance.id)
    assert.equal(after.state, 'running')
    assert.deepEqual(running(h, instance.id), { web: ['fake:web-2', 'fake:web-2'], worker: ['fake:worker-1'] })
    assert.equal(release.version, 1)
    await assertSound(h, instance.id)
  })

  test('that failed has nothing to stop, scale, restart or start', async t => {
    const h = await house(t)
    h.world.script({}, { readyMs: 'never' })
    const { instance, deployment } = await h.acme.instances.create({
      name: 'shop',
      services: [web('fake:web-1')],
      policies: { progressDeadlineMs: 5000 },
    })
    await h.end(deployment)
    const refused = { code: 'instance_state' }
    await assert.rejects(h.acme.instances.stop(instance.id), refused)
    await assert.rejects(h.acme.instances.scale(instance.id, { web: 2 }), refused)
    await assert.rejects(h.acme.instances.restart(instance.id), refused)
    await assert.rejects(h.acme.instances.start(instance.id), refused)
    assert.equal((await h.end(await h.acme.instances.delete(instance.id))).state, 'succeeded')
  })

  test('can be cancelled: what came up goes again, and the instance has failed', async t => {
    const h = await house(t)
    h.world.script({}, { readyMs: 'never' })
    const { instance, deployment } = await h.acme.instances.create({ name: 'shop', services: [web('fake:web-1')] })
    await h.when(() => names(h, instance.id, 'web').length === 1)
    await h.acme.cancel(deployment.id)
    const end = await h.end(deployment)
    assert.deepEqual([end.state, end.restored], ['cancelled', true])
    assert.equal((await h.acme.instances.get(instance.id)).state, 'failed')
    await settled(h, instance.id)
    assert.deepEqual(h.world.replicas(instance.id), [])
  })

  test('that was under way when the control plane died is gone on with', async t => {
    const first = life()
    const h = await house(t, { life: first })
    h.world.script({}, { readyMs: 2000 })
    const { instance, deployment } = await h.acme.instances.create({ name: 'shop', services: [web('fake:web-1')] })
    await h.when(() => names(h, instance.id, 'web').length === 1)
    first.kill()
    const next = await successor(t, h)
    assert.equal((await next.end(deployment)).state, 'succeeded')
    assert.equal((await next.acme.instances.get(instance.id)).state, 'running')
    assert.equal(started(next, instance.id).length, 1)
    await settled(next, instance.id)
    await assertSound(next, instance.id)
  })
})

describe('scale', () => {
  test('changes counts up and down, and no release', async t => {
    const h = await house(t)
    const shop = await h.shop()
    for (const count of [4, 1]) {
      const end = await h.end(await h.acme.instances.scale(shop.id, { web: count, worker: count }))
      assert.equal(end.state, 'succeeded')
      await settled(h, shop.id)
      assert.equal(running(h, shop.id).web?.length, count)
      assert.equal(running(h, shop.id).worker?.length, count)
    }
    assert.equal((await h.acme.listReleases(shop.id)).total, 1)
    const after = await h.acme.instances.get(shop.id)
    assert.deepEqual(
      after.services.map(({ name, replicas }) => [name, replicas]),
      [
        ['web', 1],
        ['api', 2],
        ['worker', 1],
      ],
    )
    assert.equal(after.state, 'running')
    await assertSound(h, shop.id)
  })

  test('that cannot come true is taken back', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const end = await h.end(await h.acme.instances.scale(shop.id, { web: 5 }))
    assert.deepEqual([end.state, end.restored], ['failed', true])
    await settled(h, shop.id)
    assert.equal(running(h, shop.id).web?.length, 2)
    assert.equal((await h.acme.instances.get(shop.id)).services[0]?.replicas, 2)
  })

  test('keeps the release before warm', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2, strategy: 'blue-green' }))
    await h.end(await h.acme.instances.scale(shop.id, { web: 3 }))
    assert.deepEqual(running(h, shop.id).web?.filter(image => image === 'fake:web-1').length, 2)
  })
})

describe('restart', () => {
  test('replaces every replica by one of the same release, ready ones first', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const before = new Set(h.world.replicas(shop.id).map(({ name }) => name))
    const from = h.world.history.length
    const end = await h.end(await h.acme.instances.restart(shop.id))
    assert.equal(end.state, 'succeeded')
    await settled(h, shop.id)
    assert.ok(h.world.replicas(shop.id).every(({ name }) => !before.has(name)))
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
    let serving = 2
    for (const { what, replica } of h.world.history.slice(from)) {
      if (replica.service !== 'web') continue
      if (what === 'running') serving++
      if (what === 'stopping') serving--
      assert.ok(serving >= 2)
    }
    assert.equal((await h.acme.listReleases(shop.id)).total, 1)
    await assertSound(h, shop.id)
  })

  test('of one service leaves the others alone', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const api = names(h, shop.id, 'api')
    await h.end(await h.acme.instances.restart(shop.id, ['web']))
    assert.deepEqual(names(h, shop.id, 'api'), api)
  })

  test('twice takes a new generation each time', async t => {
    const h = await house(t)
    const shop = await h.shop()
    for (let turn = 0; turn < 2; turn++) {
      const end = await h.end(await h.acme.instances.restart(shop.id, ['worker']))
      assert.ok((await performed(h, end)).length > 0)
    }
    assert.equal(
      new Set(
        started(h, shop.id)
          .filter(({ service }) => service === 'worker')
          .map(({ revision }) => revision),
      ).size,
      3,
    )
  })
})

describe('stop and start', () => {
  test('are not troubled by a replica that dies before its turn to be taken down has come', async t => {
    const h = await house(t)
    h.world.script({ service: 'worker' }, { stopMs: 3000 })
    const shop = await h.shop()
    const stop = await h.acme.instances.stop(shop.id)
    await h.reach(stop, now => now.reason?.text.startsWith('retire worker') === true)
    const [dies = ''] = names(h, shop.id, 'api')
    h.world.crash(shop.id, dies)
    await h.when(() => names(h, shop.id, 'api').some(name => name !== dies) && names(h, shop.id, 'api').length === 2)
    assert.equal((await h.end(stop)).state, 'succeeded')
    assert.deepEqual(h.warnings, [])
  })

  test('take everything down in reverse order and bring it up again', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const stop = await h.end(await h.acme.instances.stop(shop.id))
    assert.equal(stop.state, 'succeeded')
    await settled(h, shop.id)
    const stopped = await h.acme.instances.get(shop.id)
    assert.deepEqual([stopped.state, stopped.currentReleaseId], ['stopped', shop.currentReleaseId])
    assert.deepEqual(h.world.replicas(shop.id), [])
    const order = h.world.history.filter(({ what }) => what === 'stopping').map(({ replica }) => replica.service)
    assert.ok(order.indexOf('web') < order.indexOf('api'))
    await h.clock.advance(10_000)
    assert.deepEqual(h.world.replicas(shop.id), [], 'nothing is healed')

    const start = await h.end(await h.acme.instances.start(shop.id))
    assert.equal(start.state, 'succeeded')
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id), {
      api: ['fake:api-1', 'fake:api-1'],
      web: ['fake:web-1', 'fake:web-1'],
      worker: ['fake:worker-1'],
    })
    assert.equal((await h.acme.instances.get(shop.id)).state, 'running')
    assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-1': 100 }, api: { 'fake:api-1': 100 } })
    await assertSound(h, shop.id)
  })

  test('a start that fails leaves it stopped', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    await h.end(await h.acme.instances.stop(shop.id))
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const start = await h.end(await h.acme.instances.start(shop.id))
    assert.equal(start.state, 'failed')
    await settled(h, shop.id)
    assert.equal((await h.acme.instances.get(shop.id)).state, 'stopped')
    assert.deepEqual(h.world.replicas(shop.id), [])
  })

  test('a stop that was cancelled leaves it running', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.world.script({}, { stopMs: 3000 })
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    await settled(h, shop.id)
    const stop = await h.acme.instances.stop(shop.id)
    await h.reach(stop, now => now.reason?.code === 'retiring')
    await h.acme.cancel(stop.id)
    assert.equal((await h.end(stop)).state, 'cancelled')
    await settled(h, shop.id)
    assert.equal((await h.acme.instances.get(shop.id)).state, 'running')
    assert.equal(running(h, shop.id).web?.length, 2)
    await assertSound(h, shop.id)
  })

  test('a warm release goes with a stop', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2, strategy: 'blue-green' }))
    await h.end(await h.acme.instances.stop(shop.id))
    await settled(h, shop.id)
    assert.deepEqual(h.world.replicas(shop.id), [])
  })
})

describe('update', () => {
  test('changes name, hosts and the exposed service without a restart', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const calls = h.world.calls.length
    await h.acme.instances.update(shop.id, { name: 'store', hosts: ['shop.example.com'], expose: 'api' })
    const hosts = () => h.router.proxy.tables.get(shop.id)?.services
    await h.when(() => hosts()?.api?.hosts.includes('shop.example.com') === true)
    assert.deepEqual(hosts()?.api?.hosts, ['api.store.acme.localhost', 'store.acme.localhost', 'shop.example.com'])
    assert.deepEqual(hosts()?.web?.hosts, ['web.store.acme.localhost'])
    assert.equal(h.world.calls.length, calls)
    await h.acme.instances.update(shop.id, { expose: null })
    await h.when(() => hosts()?.api?.hosts.length === 1)
  })

  test('keeps the policies that are not named', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { drainMs: 7, strategy: 'canary' } })
    const after = await h.acme.instances.update(shop.id, { policies: { strategy: 'recreate' } })
    assert.deepEqual(after.policies, { drainMs: 7, strategy: 'recreate' })
  })

  test('during a rollout neither disturbs it nor is lost', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const paused = await atGate(h, shop)
    await h.acme.instances.update(shop.id, { hosts: ['new.example.com'] })
    await h.acme.promote(paused.id)
    assert.equal((await h.end(paused)).state, 'succeeded')
    await h.when(() => h.router.proxy.tables.get(shop.id)?.services.web?.hosts.includes('new.example.com') === true)
    await settled(h, shop.id)
    await assertSound(h, shop.id)
  })

  test('of one that is deleted is refused', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.instances.delete(shop.id))
    await assert.rejects(h.acme.instances.update(shop.id, { hosts: [] }), { code: 'instance_state' })
    await assert.rejects(h.acme.instances.delete(shop.id), { code: 'instance_state' })
  })
})

describe('delete', () => {
  test('removes everything and leaves a tombstone: versions and epochs never go back', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const end = await h.end(await h.acme.instances.delete(shop.id))
    assert.equal(end.state, 'succeeded')
    await h.clock.advance(10_000)
    assert.deepEqual(h.world.replicas(shop.id), [])
    assert.equal(h.router.proxy.tables.has(shop.id), false)
    assert.deepEqual(await h.store.work.reservations(), [])
    assert.equal((await h.acme.instances.list()).total, 0)
    const gone = await h.acme.instances.get(shop.id)
    assert.equal(gone.state, 'deleted')
    assert.ok(((await h.store.work.load(shop.id))?.epoch ?? 0) > 0)
    assert.equal((await h.acme.listReleases(shop.id)).total, 1, 'its history can be read')
    const again = await h.shop()
    assert.notEqual(again.id, shop.id)
  })

  test('cancels what runs without undoing it, and drops what waits', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const runs = await stuck(h, shop)
    const waits = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    const deletion = await h.acme.instances.delete(shop.id)
    assert.equal((await h.acme.instances.get(shop.id)).state, 'deleting')
    assert.equal((await h.end(deletion)).state, 'succeeded')
    for (const { id } of [runs, waits]) {
      const { state, errorCode, error } = await h.acme.getDeployment(id)
      assert.deepEqual([state, errorCode, error], ['cancelled', 'instance_deleted', 'the instance was deleted by ana'])
    }
    assert.equal((await h.acme.getDeployment(runs.id)).restored, false)
    assert.deepEqual(
      (await h.store.work.steps(runs.id)).filter(({ phase }) => phase === 'undo'),
      [],
    )
    assert.deepEqual(h.world.replicas(shop.id), [])
  })

  test('of one that is asked for twice is the same', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const [one, two] = await Promise.all([h.acme.instances.delete(shop.id), h.acme.instances.delete(shop.id)])
    assert.equal(one.id, two.id)
    await h.end(one)
  })

  for (const [what, before] of [
    ['is being provisioned', 'provisioning'],
    ['is stopped', 'stopped'],
    ['waits at a gate', 'gate'],
    ['has a warm release', 'warm'],
  ] as const) {
    test(`of an instance that ${what}`, async t => {
      const h = await house(t)
      let id: string
      if (before === 'provisioning') {
        h.world.script({}, { readyMs: 'never' })
        const services = [
          { ...web('fake:web-1'), dependsOn: ['api'] },
          { name: 'api', image: 'fake:api', ports: port, healthCheck: quick },
        ]
        id = (await h.acme.instances.create({ name: 'shop', services })).instance.id
        await h.when(() => names(h, id, 'api').length === 1)
      } else {
        const shop = await h.shop()
        id = shop.id
        if (before === 'stopped') await h.end(await h.acme.instances.stop(id))
        if (before === 'gate') await atGate(h, shop)
        if (before === 'warm')
          await h.end(await h.acme.deploy({ instanceId: id, services: web2, strategy: 'blue-green' }))
      }
      const end = await h.end(await h.acme.instances.delete(id))
      assert.equal(end.state, 'succeeded', end.error)
      await h.clock.advance(5000)
      assert.deepEqual(h.world.replicas(id), [])
      assert.equal(h.router.proxy.tables.has(id), false)
      assert.deepEqual(await h.store.work.queue(id), [])
    })
  }
})
