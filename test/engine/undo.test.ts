import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Instance } from '../../src/instance/instance.ts'
import type { Behaviour } from '../../src/provider/fake/index.ts'
import { type House, house, quick, web } from './harness.ts'
import { names, performed, running, traffic } from './look.ts'
import { assertSound, settled } from './sound.ts'

/** Ways for a step of each kind to fail, and the code each ends with. */
const failures: readonly {
  readonly step: string
  readonly code: string
  readonly begin: (h: House, shop: Instance) => Promise<Deployment>
}[] = [
  {
    step: 'prepare',
    code: 'image_gone',
    begin: async (h, shop) => {
      h.world.image('fake:web-2', { unavailable: 'prepare' })
      return await deploy(h, shop)
    },
  },
  { step: 'task', code: 'task_failed', begin: scripted({ task: { exitCode: 3, output: ['no such table'] } }) },
  { step: 'run', code: 'progress_deadline', begin: scripted({ readyMs: 'never' }) },
  {
    step: 'route',
    code: 'progress_deadline',
    begin: async (h, shop) => {
      const asked = await slow(h, shop, { strategy: 'blue-green' })
      h.router.fault({ method: 'apply', error: true, times: 200 })
      return await h
        .reach(asked, now => now.reason?.code === 'undoing')
        .then(now => {
          h.router.clearFaults()
          return now
        })
    },
  },
  {
    step: 'hold',
    code: 'check_failed',
    begin: async (h, shop) =>
      await deploy(h, shop, {
        strategy: 'canary',
        options: { steps: [{ weight: 50, holdSeconds: 5, checks: [{ type: 'function', name: 'broken' }] }] },
      }),
  },
  {
    step: 'pause',
    code: 'pause_deadline',
    begin: async (h, shop) =>
      await deploy(h, shop, {
        strategy: 'canary',
        options: { steps: [{ weight: 50, holdSeconds: 0, pause: true }] },
      }),
  },
  {
    step: 'retire',
    code: 'progress_deadline',
    begin: async (h, shop) => {
      const asked = await slow(h, shop)
      h.world.fault({ method: 'stop', error: true, times: 3000 })
      return await h
        .reach(asked, now => now.reason?.code === 'undoing')
        .then(now => {
          h.world.clearFaults()
          return now
        })
    },
  },
]

describe('a step that fails is undone: what served before serves again', () => {
  for (const { step, code, begin } of failures) {
    test(`a ${step} step`, async t => {
      const h = await house(t, { checks: { broken: async () => 'it is broken' } })
      const shop = await h.shop({
        services: [
          { ...web('fake:web-1'), replicas: 2, before: ['migrate'], dependsOn: ['api'] },
          { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], healthCheck: quick },
        ],
        policies: { progressDeadlineMs: 10_000, pauseDeadlineMs: 20_000, drainMs: 1000 },
      })
      const before = { running: running(h, shop.id), traffic: traffic(h, shop.id) }
      const asked = await begin(h, shop)
      const end = await h.end(asked)
      assert.equal(end.state, 'failed')
      assert.equal(end.errorCode, code, end.error)
      assert.equal(end.restored, true)
      const failed = (await h.store.work.steps(asked.id)).findLast(record => record.phase === 'forward')
      assert.equal(failed?.step.kind, step)
      assert.equal(failed?.state, 'failed')
      await settled(h, shop.id)
      assert.deepEqual({ running: running(h, shop.id), traffic: traffic(h, shop.id) }, before)
      await assertSound(h, shop.id)
      const again = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-3' }] })
      assert.equal((await h.end(again)).state, 'succeeded')
    })
  }

  test('its cause is written before its first step back, and the steps back are those of the log', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    h.world.script({ image: 'fake:web-2', ordinal: 1 }, { readyMs: 'never' })
    const end = await h.end(await deploy(h, shop))
    const steps = await performed(h, end)
    assert.deepEqual(
      steps.map(line => line.replaceAll(/[0-9a-f]{6}(\.\d+)?/gu, '#')),
      [
        'prepare web, done',
        'run 1 of web #, done',
        'route web 50 % to #, done',
        'retire web # to 1, done',
        'run 2 of web #, failed',
        'undo: run 2 of web #, done',
        'undo: route web 100 % to #, done',
        'undo: retire web # to 0, done',
      ],
    )
    const events = await h.events({ deploymentId: end.id })
    const undoing = events.findIndex(event => event.type === 'deploy.undoing')
    const firstBack = events.findIndex(event => event.data?.undo === true)
    assert.ok(undoing > 0 && undoing < firstBack)
    assert.equal(events[undoing]?.data?.code, 'progress_deadline')
  })

  test('an old replica that was not ready when the deployment began is not waited for', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    for (const name of names(h, shop.id, 'web')) h.world.setCondition(shop.id, name, 'sick')
    await h.clock.advance(10_000)
    h.world.script({ image: 'fake:web-2' }, { readyMs: 'never' })
    const end = await h.end(await deploy(h, shop, { strategy: 'blue-green' }))
    assert.equal(end.state, 'failed')
    assert.equal(end.restored, true)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
  })
})

describe('an undo that fails', () => {
  test('leaves traffic on what is ready, says that nothing was restored, and heals when it can', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')], policies: { progressDeadlineMs: 5000, drainMs: 1000 } })
    const asked = await deploy(h, shop, {
      strategy: 'canary',
      options: { steps: [{ weight: 50, holdSeconds: 0, pause: true }] },
    })
    await h.reach(asked, now => now.reason?.code === 'awaiting_promote')
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    await h.clock.advance(2000)
    await h.acme.cancel(asked.id)
    const end = await h.end(asked)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.restored, false)
    await h.clock.advance(60_000)
    assert.ok(running(h, shop.id).web?.includes('fake:web-2'), 'what is ready stays')
    const routes = h.router.proxy.tables.get(shop.id)?.services.web?.revisions ?? {}
    const serving = Object.values(routes).flatMap(({ weight, endpoints }) =>
      weight > 0 ? endpoints.filter(({ state }) => state === 'serving') : [],
    )
    assert.equal(serving.length, 1)
    assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, shop.currentReleaseId)

    h.world.script({ image: 'fake:web-1' }, { readyMs: 0 })
    h.world.crash(shop.id, names(h, shop.id, 'web').find(name => !isServing(h, shop, name)) ?? '')
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
    await assertSound(h, shop.id)
  })
})

describe('an exclusive service', () => {
  test('is not started in its old version before the new one is gone, though its undo failed', async t => {
    const h = await house(t)
    const db = { name: 'db', image: 'fake:db-1', ports: [{ name: 'sql' }], healthCheck: quick, exclusive: true }
    const shop = await h.shop({ services: [db], policies: { progressDeadlineMs: 5000, drainMs: 1000 } })
    h.world.script({ image: 'fake:db-2' }, { readyMs: 'never' })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'db', image: 'fake:db-2' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    h.world.fault({ method: 'stop', error: true, times: 100_000 })
    const end = await h.end(asked)
    assert.deepEqual([end.state, end.restored], ['failed', false])
    await h.clock.advance(10_000)
    assert.deepEqual(running(h, shop.id).db, ['fake:db-2'])
    h.world.clearFaults()
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).db, ['fake:db-1'])
    await assertSound(h, shop.id)
  })
})

function isServing(h: House, shop: Instance, name: string): boolean {
  const id = h.world.replicas(shop.id).find(replica => replica.name === name)?.id
  const routes = h.router.proxy.tables.get(shop.id)?.services.web?.revisions ?? {}
  return Object.values(routes).some(({ endpoints }) =>
    endpoints.some(({ replica, state }) => replica === id && state === 'serving'),
  )
}

function deploy(h: House, shop: Instance, how: object = {}): Promise<Deployment> {
  return h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }], ...how })
}

/** One whose new replicas take a moment to be ready, in which more can be broken. */
async function slow(h: House, shop: Instance, how: object = {}): Promise<Deployment> {
  h.world.script({ image: 'fake:web-2' }, { readyMs: 500 })
  return await h.reach(await deploy(h, shop, how), now => now.reason?.code === 'health')
}

function scripted(behaviour: Behaviour) {
  return async (h: House, shop: Instance): Promise<Deployment> => {
    h.world.script({ image: 'fake:web-2' }, behaviour)
    return await deploy(h, shop)
  }
}
