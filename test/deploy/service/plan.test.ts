import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { house, quick, web } from '../../engine/harness.ts'
import { performed } from '../../engine/look.ts'
import { atGate } from '../../engine/scenes.ts'

const web2 = [{ name: 'web', image: 'fake:web-2' }]

describe('plan', () => {
  for (const strategy of ['rolling', 'blue-green', 'canary', 'recreate']) {
    test(`of a ${strategy} shows the steps that are then performed, and writes nothing`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const options = strategy === 'canary' ? { steps: [{ weight: 30, holdSeconds: 1 }] } : {}
      const request = { instanceId: shop.id, services: web2, strategy, options }
      const last = await h.store.events.lastSeq()
      const preview = await h.acme.plan(request)
      assert.equal(await h.store.events.lastSeq(), last)
      assert.equal((await h.acme.listReleases(shop.id)).total, 1)
      assert.equal(preview.strategy, strategy)
      assert.equal(preview.fromReleaseId, shop.currentReleaseId)
      assert.deepEqual(preview.downtime, strategy === 'recreate' ? ['web'] : [])
      assert.deepEqual(
        preview.changes.map(({ service, field, change, from, to }) => [service, field, change, from, to]).slice(0, 1),
        [['web', 'image', 'changed', 'fake:web-1', 'fake:web-2']],
      )
      const end = await h.end(await h.acme.deploy(request))
      const steps = (await h.store.work.steps(end.id)).map(({ step }) => step.name)
      assert.deepEqual(
        steps,
        preview.steps?.map(step => step.name),
      )
      assert.equal(end.stepCount, preview.steps?.length)
    })
  }

  test('says how many go first, and that an exclusive service has a moment without', async t => {
    const h = await house(t)
    const db = { name: 'db', image: 'fake:db-1', ports: [{ name: 'sql' }], healthCheck: quick, exclusive: true }
    const shop = await h.shop({ services: [web('fake:web-1'), db] })
    await atGate(h, shop)
    await h.acme.instances.restart(shop.id, ['web'])
    const preview = await h.acme.plan({ instanceId: shop.id, services: [{ name: 'db', image: 'fake:db-2' }] })
    assert.equal(preview.behind, 2)
    assert.deepEqual(preview.downtime, ['db'])
  })

  test('of a complete deploy tells what comes and what goes', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const preview = await h.acme.plan({
      instanceId: shop.id,
      services: [web('fake:web-1'), { name: 'cache', image: 'fake:cache' }],
      complete: true,
    })
    assert.deepEqual(
      preview.changes
        .filter(({ field }) => field === undefined)
        .map(({ service, change }) => `${change} ${service}`)
        .sort(),
      ['added cache', 'removed api', 'removed worker'],
    )
  })

  test('by a strategy that throws is refused with its words', async t => {
    const broken = {
      name: 'broken',
      plan() {
        throw new Error('out of luck')
      },
      execute: async () => {},
    }
    const h = await house(t, { strategies: [broken] })
    const shop = await h.shop()
    await assert.rejects(h.acme.plan({ instanceId: shop.id, services: web2, strategy: 'broken' }), {
      code: 'strategy_failed',
      message: 'The strategy "broken" threw: out of luck.',
    })
  })
})

describe('diff', () => {
  test('tells fields, env and secrets of two releases, never a value of a secret', async t => {
    const h = await house(t)
    await h.acme.secrets.store('STRIPE', 'sk-live-12345678')
    const shop = await h.shop({
      services: [{ ...web('fake:web-1'), env: { A: '1', B: '2' }, secrets: { KEY: 'STRIPE' } }],
    })
    await h.acme.secrets.rotate('STRIPE', 'sk-live-87654321')
    const services = [{ name: 'web', image: 'fake:web-1', env: { B: '3', C: '4' } }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services }))
    const found = await h.acme.diff(shop.currentReleaseId ?? '', end.releaseId)
    assert.deepEqual(
      found.map(({ field, change, from, to }) => [field, change, from, to]),
      [
        ['env.A', 'removed', '1', undefined],
        ['env.B', 'changed', '2', '3'],
        ['env.C', 'added', undefined, '4'],
        ['secrets.KEY', 'changed', undefined, undefined],
      ],
    )
  })

  test('of releases of two instances is refused', async t => {
    const h = await house(t)
    const [one, two] = [await h.shop(), await h.shop({ name: 'other' })]
    await assert.rejects(h.acme.diff(one.currentReleaseId ?? '', two.currentReleaseId ?? ''), { code: 'not_found' })
  })
})

describe('retry', () => {
  test('of a deploy that failed is a new deployment of the same request, with a new release and version', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.world.image('fake:web-2', { unavailable: 'prepare' })
    const first = await h.end(
      await h.acme.deploy({
        instanceId: shop.id,
        services: web2,
        strategy: 'blue-green',
        options: { keepWarmSeconds: 0 },
        notes: 'x',
      }),
    )
    assert.equal(first.state, 'failed')
    h.world.image('fake:web-2', { unavailable: false })
    const again = await h.acme.retry(first.id)
    assert.equal(again.retryOf, first.id)
    assert.notEqual(again.releaseId, first.releaseId)
    assert.equal((await h.acme.getRelease(again.releaseId)).version, 3)
    assert.deepEqual(
      [again.strategy, again.options, again.services, again.notes],
      [first.strategy, first.options, first.services, first.notes],
    )
    assert.equal((await h.end(again)).state, 'succeeded')
    assert.equal((await h.acme.getDeployment(first.id)).state, 'failed')
  })

  test('of a cancelled one brings the content its image had at the first call', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop, 'fake:web')
    await h.acme.cancel(first.id)
    await h.end(first)
    h.world.image('fake:web', { content: 'newer' })
    const again = await h.acme.retry(first.id)
    assert.deepEqual(again.services, first.services)
    await h.reach(again, now => now.reason?.code === 'awaiting_promote')
  })

  test('of a rollback that failed is a rollback to the same release', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 5000 } })
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2 }))
    h.world.script({ image: 'fake:web-1' }, { readyMs: 'never' })
    const first = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
    assert.equal(first.state, 'failed')
    h.world.script({ image: 'fake:web-1' }, { readyMs: 0 })
    const again = await h.acme.retry(first.id)
    assert.deepEqual([again.kind, again.releaseId, again.retryOf], ['rollback', first.releaseId, first.id])
    assert.equal((await h.end(again)).state, 'succeeded')
  })

  test('is refused for one that succeeded, still runs, or is no rollout', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const done = await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2 }))
    const waits = await atGate(h, shop, 'fake:web-3')
    const scale = await h.acme.instances.scale(shop.id, { web: 3 })
    await h.acme.cancel(scale.id)
    for (const { id } of [done, waits, scale]) await assert.rejects(h.acme.retry(id), { code: 'not_retryable' })
  })
})

describe('the steps of a deployment', () => {
  test('that a dead caller asked for go on: nobody has to watch', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const asked = await h.acme.deploy({ instanceId: shop.id, services: web2 })
    const gone = new AbortController()
    const watching = (async () => {
      for await (const event of h.acme.watch(asked.id, gone.signal)) void event
    })()
    gone.abort()
    await watching
    await h.clock.advance(10_000)
    assert.equal((await h.acme.getDeployment(asked.id)).state, 'succeeded')
    assert.ok((await performed(h, asked)).length > 0)
  })
})
