import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DeployRequest } from '../../../src/deploy/schema.ts'
import { type House, house, quick, web } from '../../engine/harness.ts'
import { running, started } from '../../engine/look.ts'
import { atGate } from '../../engine/scenes.ts'
import { assertSound, settled } from '../../engine/sound.ts'

const images = async (h: House, releaseId: string): Promise<Record<string, string>> =>
  Object.fromEntries((await h.acme.getRelease(releaseId)).services.map(({ name, image }) => [name, image]))

describe('a partial deploy inherits from the release that is active when it starts', () => {
  test('after a rollback a bad image does not come back', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-bad' }] }))
    await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    assert.deepEqual(await images(h, end.releaseId), { web: 'fake:web-2', api: 'fake:api-1', worker: 'fake:worker-1' })
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).api, ['fake:api-1', 'fake:api-1'])
  })

  test('one that waits behind a rollback does not bring it back either', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-bad' }] }))
    const back = await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' })
    const next = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.end(back)
    assert.equal((await h.end(next)).state, 'succeeded')
    assert.equal((await images(h, next.releaseId)).api, 'fake:api-1')
  })

  test('of two queued deploys of different services the second does not undo the first', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const second = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    const waiting = await h.acme.getRelease(second.releaseId)
    assert.equal(waiting.sealedAt, undefined)
    assert.deepEqual(await images(h, second.releaseId), { api: 'fake:api-2' })
    await h.acme.promote(first.id)
    assert.equal((await h.end(second)).state, 'succeeded')
    assert.deepEqual(await images(h, second.releaseId), {
      web: 'fake:web-2',
      api: 'fake:api-2',
      worker: 'fake:worker-1',
    })
    await assertSound(h, shop.id)
  })

  test('nor bring back what the first failed to deliver', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 'never' })
    const first = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    const second = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    assert.equal((await h.end(second)).state, 'succeeded')
    assert.equal((await h.acme.getDeployment(first.id)).state, 'failed')
    assert.equal((await images(h, second.releaseId)).web, 'fake:web-1')
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
  })

  test('nor after a first start that failed, when both take the rest from the declaration', async t => {
    const h = await house(t)
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const services = [
      { ...web('fake:web-1') },
      { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], healthCheck: quick },
    ]
    const policies = { progressDeadlineMs: 5000 }
    const { instance, deployment } = await h.acme.instances.create({ name: 'shop', services, policies })
    assert.equal((await h.end(deployment)).state, 'failed')
    const first = await h.acme.deploy({ instanceId: instance.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    const second = await h.acme.deploy({ instanceId: instance.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    assert.equal((await h.end(first)).state, 'succeeded')
    assert.deepEqual(await images(h, first.releaseId), { web: 'fake:web-2', api: 'fake:api-1' })
    assert.equal((await h.end(second)).state, 'succeeded')
    assert.deepEqual(await images(h, second.releaseId), { web: 'fake:web-2', api: 'fake:api-2' })
    await settled(h, instance.id)
    assert.deepEqual(running(h, instance.id), { web: ['fake:web-2'], api: ['fake:api-2'] })
  })

  test('what is absent is inherited; an env that is present replaces the whole map', async t => {
    const h = await house(t)
    const shop = await h.shop({
      services: [{ ...web('fake:web-1'), command: ['serve'], args: ['-v'], env: { A: '1', B: '2' }, graceMs: 7 }],
    })
    const kept = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    const [service] = (await h.acme.getRelease(kept.releaseId)).services
    assert.deepEqual(
      [service?.command, service?.args, service?.env, service?.graceMs],
      [['serve'], ['-v'], { A: '1', B: '2' }, 7],
    )
    const services = [{ name: 'web', image: 'fake:web-2', env: { B: '3' } }]
    const replaced = await h.end(await h.acme.deploy({ instanceId: shop.id, services }))
    assert.deepEqual((await h.acme.getRelease(replaced.releaseId)).services[0]?.env, { B: '3' })
    assert.deepEqual(started(h, shop.id).at(-1)?.env, { B: '3' })
    assert.deepEqual(started(h, shop.id).at(-1)?.command, ['serve'])
  })
})

/** What a deploy may name that another one, before it, took away. */
const gone: readonly (readonly [what: string, services: DeployRequest['services'], code: string])[] = [
  ['its service is gone', [{ name: 'api', image: 'fake:api-2' }], 'unknown_service'],
  [
    'what its service depends on is gone',
    [{ name: 'web', image: 'fake:web-2', dependsOn: ['api'] }],
    'unknown_service',
  ],
  ['what it refers to is gone', [{ name: 'web', image: 'fake:web-2', env: { API: '$URL_API' } }], 'unknown_reference'],
]

describe('a deploy whose turn came', () => {
  test('is cancelled when another release is active than it expected', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const second = await h.acme.deploy({
      instanceId: shop.id,
      services: [{ name: 'api', image: 'fake:api-2' }],
      expectRelease: shop.currentReleaseId ?? '',
    })
    await h.acme.promote(first.id)
    const end = await h.end(second)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.errorCode, 'stale_release')
    assert.match(end.error ?? '', new RegExp(first.releaseId, 'u'))
    assert.equal(end.startedAt, undefined)
    await assertSound(h, shop.id)
  })

  test('that is cancelled then leaves no port behind for what it would have added', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    const first = await atGate(h, shop)
    const cache = { name: 'cache', image: 'fake:cache', ports: [{ name: 'http' }], healthCheck: quick }
    const second = await h.acme.deploy({
      instanceId: shop.id,
      services: [web('fake:web-3'), cache],
      complete: true,
      expectRelease: shop.currentReleaseId ?? '',
    })
    await h.acme.promote(first.id)
    assert.equal((await h.end(second)).errorCode, 'stale_release')
    await settled(h, shop.id)
    assert.deepEqual(Object.keys((await h.acme.instances.get(shop.id)).urls), ['web'])
    assert.deepEqual(Object.keys(h.router.proxy.tables.get(shop.id)?.services ?? {}), ['web'])
    assert.equal((await h.store.work.reservations()).length, 1)
  })

  test('goes on when the release it expected is still active', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const second = await h.acme.deploy({
      instanceId: shop.id,
      services: [{ name: 'api', image: 'fake:api-2' }],
      expectRelease: shop.currentReleaseId ?? '',
    })
    await h.acme.cancel(first.id)
    assert.equal((await h.end(second)).state, 'succeeded')
  })

  for (const [what, services, code] of gone) {
    test(`is cancelled when ${what}`, async t => {
      const h = await house(t)
      const api = { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], healthCheck: quick }
      const shop = await h.shop({ services: [web('fake:web-1'), api] })
      h.world.script({ image: 'fake:web-9' }, { readyMs: 1000 })
      const first = await h.acme.deploy({ instanceId: shop.id, services: [web('fake:web-9')], complete: true })
      const second = await h.acme.deploy({ instanceId: shop.id, services })
      assert.equal((await h.end(first)).state, 'succeeded')
      const end = await h.end(second)
      assert.equal(end.state, 'cancelled')
      assert.equal(end.errorCode, code)
      assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, first.releaseId)
      await assertSound(h, shop.id)
    })
  }

  test('is cancelled when the instance was stopped', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const stop = await h.acme.instances.stop(shop.id)
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    await h.end(stop)
    const end = await h.end(asked)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.errorCode, 'instance_state')
    assert.match(end.error ?? '', /"shop" is stopped/u)
    assert.deepEqual(h.world.replicas(shop.id), [])
    await assertSound(h, shop.id)
  })

  test('a scale or a restart of a service that is gone is cancelled as well', async t => {
    const h = await house(t)
    const api = { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], healthCheck: quick }
    const shop = await h.shop({ services: [web('fake:web-1'), api] })
    const first = await h.acme.deploy({ instanceId: shop.id, services: [web('fake:web-9')], complete: true })
    const scale = await h.acme.instances.scale(shop.id, { api: 3 })
    const restart = await h.acme.instances.restart(shop.id, ['api'])
    await h.end(first)
    for (const asked of [scale, restart]) {
      const end = await h.end(asked)
      assert.equal(end.state, 'cancelled')
      assert.equal(end.errorCode, 'unknown_service')
    }
    await assertSound(h, shop.id)
  })
})
