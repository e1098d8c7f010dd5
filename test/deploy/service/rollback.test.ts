import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import { type House, house, quick, web } from '../../engine/harness.ts'
import { performed, running, started, traffic } from '../../engine/look.ts'
import { assertSound, settled } from '../../engine/sound.ts'

const port = [{ name: 'http' }]

describe('a rollback', () => {
  test('is a deployment of the release itself: no new release, no new version', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    const before = (await h.acme.listReleases(shop.id)).total
    const back = await rollback(h, shop)
    assert.equal(back.state, 'succeeded')
    assert.equal(back.kind, 'rollback')
    assert.equal(back.releaseId, shop.currentReleaseId)
    assert.equal((await h.acme.listReleases(shop.id)).total, before)
    assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, shop.currentReleaseId)
    await assertSound(h, shop.id)
  })

  test('brings back command, health check, grace and env, removed keys too', async t => {
    const h = await house(t)
    const first = { ...web('fake:web-1'), command: ['serve'], env: { A: '1', B: '2' }, graceMs: 111 }
    const shop = await h.shop({ services: [first] })
    await deploy(h, shop, {
      services: [
        {
          ...web('fake:web-2'),
          command: ['other'],
          env: { A: '9' },
          graceMs: 222,
          healthCheck: { ...quick, path: '/other' },
        },
      ],
    })
    await rollback(h, shop)
    const spec = started(h, shop.id).at(-1)
    assert.deepEqual([spec?.image, spec?.command, spec?.env], ['fake:web-1', ['serve'], { A: '1', B: '2' }])
    const [declared] = (await h.acme.instances.get(shop.id)).services
    assert.deepEqual([declared?.healthCheck, declared?.graceMs], [quick, 111])
    assert.deepEqual(declared, { ...first, replicas: 1 })
  })

  test('removes services the release did not have, and brings removed ones back with their count', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1'), { name: 'worker', image: 'fake:worker', replicas: 3 }] })
    const cache = { name: 'cache', image: 'fake:cache', ports: port, healthCheck: quick, replicas: 2 }
    await deploy(h, shop, { services: [web('fake:web-1'), cache], complete: true })
    await settled(h, shop.id)
    assert.deepEqual(Object.keys(running(h, shop.id)).sort(), ['cache', 'web'])
    assert.deepEqual((await h.acme.instances.get(shop.id)).removedReplicas, { worker: 3 })
    await rollback(h, shop)
    await settled(h, shop.id)
    assert.deepEqual(Object.keys(running(h, shop.id)).sort(), ['web', 'worker'])
    assert.equal(running(h, shop.id).worker?.length, 3)
    assert.equal(traffic(h, shop.id).cache, undefined)
    await assertSound(h, shop.id)
  })

  test('keeps replica counts: they belong to the instance, and a rush hour is no time to scale down', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.end(await h.acme.instances.scale(shop.id, { web: 5 }))
    await rollback(h, shop)
    assert.equal(running(h, shop.id).web?.length, 5 + 5, 'five, and five that are warm')
    assert.equal((await h.acme.instances.get(shop.id)).services.find(({ name }) => name === 'web')?.replicas, 5)
  })

  test('marks the one deployment that had made the replaced release active', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const second = await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    const third = await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-3' }] })
    const back = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: second.releaseId }))
    const marked = await h.acme.getDeployment(third.id)
    assert.equal(marked.state, 'rolled_back')
    assert.equal(marked.rolledBackBy, back.id)
    assert.equal(marked.finishedAt, third.finishedAt)
    assert.equal((await h.acme.getDeployment(second.id)).state, 'succeeded')
    const told = (await h.events({ deploymentId: third.id })).at(-1)
    assert.deepEqual([told?.type, told?.data?.by, told?.releaseId], ['deploy.rolled_back', back.id, third.releaseId])

    const again = await rollback(h, shop)
    assert.equal(
      (await h.acme.getDeployment(back.id)).rolledBackBy,
      again.id,
      'a rollback is rolled back like a deploy',
    )
    assert.equal((await h.acme.getDeployment(second.id)).state, 'succeeded')
    await assertSound(h, shop.id)
  })

  test('forward again marks nothing twice', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const second = await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    const back = await rollback(h, shop)
    const forth = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: second.releaseId }))
    assert.equal(forth.state, 'succeeded')
    assert.equal((await h.acme.getDeployment(second.id)).rolledBackBy, back.id)
    assert.equal((await h.acme.getDeployment(back.id)).rolledBackBy, forth.id)
  })

  test('to the active release enforces it and marks nothing', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const second = await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    const same = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: second.releaseId }))
    assert.equal(same.state, 'succeeded')
    assert.deepEqual(await performed(h, same), [])
    assert.equal((await h.acme.getDeployment(second.id)).state, 'succeeded')
    assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, second.releaseId)
    await assertSound(h, shop.id)
  })

  test('that fails leaves the release before it active and serving', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    const second = await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const back = await rollback(h, shop)
    assert.equal(back.state, 'failed')
    assert.equal(back.restored, true)
    assert.equal((await h.acme.getDeployment(second.id)).state, 'succeeded')
    assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, second.releaseId)
    await settled(h, shop.id)
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-2': 100 })
  })

  test('runs no task: what was migrated stays migrated', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), before: ['migrate'] }] })
    await deploy(h, shop, { services: [{ name: 'web', image: 'fake:web-2' }] })
    const tasks = h.world.calls.filter(call => call.method === 'runTask').length
    await rollback(h, shop)
    assert.equal(h.world.calls.filter(call => call.method === 'runTask').length, tasks)
    assert.equal(tasks, 2)
  })

  test('a warm service finds its neighbours at the addresses it was started with', async t => {
    const h = await house(t)
    const caller = { ...web('fake:web-1'), env: { API: '$URL_API' } }
    const api = { name: 'api', image: 'fake:api', ports: port, healthCheck: quick }
    const shop = await h.shop({ services: [caller, api] })
    await deploy(h, shop, {
      services: [{ ...web('fake:web-2'), env: {} }],
      complete: true,
      strategy: 'blue-green',
    })
    await settled(h, shop.id)
    const other = await h.shop({ name: 'other', services: [web('fake:web-9'), { ...api, name: 'cache' }] })
    await rollback(h, shop)
    const serving = h.router.proxy.tables.get(shop.id)?.services.web?.revisions ?? {}
    const [revision] = Object.entries(serving).find(([, { weight }]) => weight === 100) ?? []
    const [name] = h.world.replicas(shop.id).filter(replica => replica.revision === revision)
    const url = h.world.specOf(shop.id, name?.name ?? '').urls.URL_API
    assert.equal(url, `http://127.0.0.1:${h.router.proxy.tables.get(shop.id)?.services.api?.port}`)
    assert.notEqual(h.router.proxy.tables.get(other.id), undefined)
  })
})

async function deploy(h: House, shop: Instance, request: object): Promise<Deployment> {
  const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services: [], ...request }))
  assert.equal(end.state, 'succeeded', end.error)
  return end
}

/** Back to the first release. */
async function rollback(h: House, shop: Instance): Promise<Deployment> {
  return await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
}
