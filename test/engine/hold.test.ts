import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Store } from '../../src/deploy/work.ts'
import { SlipwayError } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { readSamples } from '../observe/samples.ts'
import { type House, house, successor, web } from './harness.ts'
import { names, performed, traffic } from './look.ts'
import { life } from './mortal.ts'

describe('a hold', () => {
  for (const [how, seconds] of [
    ['that is short is watched by whoever owns the instance', 20],
    ['that is long is watched without a lease', 120],
  ] as const) {
    test(`${how}, for as long as it says`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const asked = await canary(h, shop, { holdSeconds: seconds })
      const began = h.clock.now()
      await h.clock.advance(3000)
      assert.equal((await h.store.work.load(shop.id))?.owner === undefined, seconds > 30)
      assert.equal((await h.end(asked)).state, 'succeeded')
      const took = h.clock.now() - began
      assert.ok(took >= seconds * 1000 && took < seconds * 1000 + 60_000, `${took}`)
      await assertCounted(h, asked)
      const held = (await h.acme.steps(asked.id)).find(({ step }) => step.kind === 'hold')
      assert.deepEqual([held?.state, held && 'note' in held], ['done', false])
    })

    test(`${how}, and fails by its check`, async t => {
      const verdict: { says?: string } = {}
      const h = await house(t, { checks: { smoke: async () => verdict.says } })
      const shop = await h.shop()
      const asked = await canary(h, shop, { holdSeconds: seconds, checks: [{ type: 'function', name: 'smoke' }] })
      await h.clock.advance(5000)
      verdict.says = 'checkout is broken'
      const end = await h.end(asked)
      assert.equal(end.state, 'failed')
      assert.equal(end.errorCode, 'check_failed')
      assert.match(end.error ?? '', /smoke: checkout is broken/u)
      assert.ok((await performed(h, asked)).includes(`hold ${seconds} s, failed`))
      await assertCounted(h, asked)
      assert.equal(end.restored, true)
      assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
    })

    test(`${how}, and tells what its checks found at its end, with numbers, once and before anything that follows from it`, async t => {
      const h = await house(t, { checks: { smoke: async () => undefined } })
      const shop = await h.shop()
      const checks = [
        { type: 'errors', maxRate: 0.01 },
        { type: 'function', name: 'smoke' },
      ]
      const counted = async (errors: number): Promise<[Deployment, string[]]> => {
        const asked = await canary(h, shop, { holdSeconds: seconds, checks }, `fake:web-${2 + errors}`)
        await h.clock.advance(5000)
        const revision = revisionOf(newest(h, shop))
        h.router.setTraffic(shop.id, { service: 'web', revision, requests: 1000, errors })
        const end = await h.end(asked)
        const types = (await h.events({ deploymentId: asked.id })).map(({ type }) => type)
        return [end, types]
      }
      const found = async ({ id }: Deployment): Promise<unknown> =>
        (await h.events({ deploymentId: id })).find(({ type }) => type === 'deploy.checked')?.data
      const [good, told] = await counted(5)
      assert.equal(good.state, 'succeeded')
      assert.equal(told.filter(type => type === 'deploy.checked').length, 1)
      const measured = { service: 'web', measure: 'error_rate', threshold: 0.01, samples: 1000 }
      const passed = { type: 'function', check: 'smoke', verdict: 'pass', text: 'smoke passed.' }
      const place = async ({ id }: Deployment): Promise<object> => {
        const hold = (await h.acme.steps(id)).find(({ step }) => step.kind === 'hold')
        return { step: (hold?.position ?? 0) + 1, name: `hold ${seconds} s` }
      }
      const rate = (percent: string, relation: string): string =>
        `web: The error rate of the new revision is ${percent} % over 1000 requests, ${relation} the 1 % that the check allows.`
      assert.deepEqual(await found(good), {
        ...(await place(good)),
        verdict: 'pass',
        checks: [{ type: 'errors', verdict: 'pass', text: rate('0.5', 'within'), value: 0.005, ...measured }, passed],
      })
      const [bad, fatal] = await counted(20)
      assert.equal(bad.errorCode, 'check_failed')
      const over = { type: 'errors', verdict: 'fail', text: rate('2', 'more than'), value: 0.02, ...measured }
      assert.deepEqual(await found(bad), { ...(await place(bad)), verdict: 'fail', checks: [over, passed] })
      assert.equal(fatal.indexOf('deploy.checked'), fatal.indexOf('deploy.undoing') - 1)
    })

    test(`${how}, and counts only time in which the new replicas are ready`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const asked = await canary(h, shop, { holdSeconds: seconds })
      const fresh = newest(h, shop)
      await h.clock.advance(5000)
      h.world.setCondition(shop.id, fresh, 'sick')
      await h.clock.advance(60_000)
      assert.equal((await h.acme.getDeployment(asked.id)).state, 'running')
      h.world.setCondition(shop.id, fresh, 'scripted')
      const began = h.clock.now()
      assert.equal((await h.end(asked)).state, 'succeeded')
      assert.ok(h.clock.now() - began >= (seconds - 12) * 1000)
    })

    test(`${how}, and fails by its deadline when they stay sick`, async t => {
      const h = await house(t)
      const shop = await h.shop({ policies: { progressDeadlineMs: 30_000 } })
      const asked = await canary(h, shop, { holdSeconds: seconds })
      h.world.setCondition(shop.id, newest(h, shop), 'sick')
      const end = await h.end(asked)
      assert.equal(end.errorCode, 'progress_deadline')
      assert.equal(end.restored, true)
    })

    test(`${how}, and fails at once when they crash again and again`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const asked = await canary(h, shop, { holdSeconds: seconds })
      h.world.script({ image: 'fake:web-2' }, { exit: { afterMs: 10, code: 7 }, readyMs: 'never' })
      h.world.crash(shop.id, newest(h, shop), 7)
      const end = await h.end(asked)
      assert.equal(end.errorCode, 'crash_loop')
      assert.equal(end.restored, true)
    })

    test(`${how}, and is not disturbed by a router that does not answer for a while`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const checks = [{ type: 'errors', maxRate: 0.01 }]
      const asked = await canary(h, shop, { holdSeconds: seconds, checks })
      h.router.fault({ method: 'traffic', error: true, times: 20 })
      assert.equal((await h.end(asked)).state, 'succeeded')
    })

    test(`${how}, and is cancelled like any step`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const asked = await canary(h, shop, { holdSeconds: seconds })
      await h.clock.advance(2000)
      await h.acme.cancel(asked.id)
      const end = await h.end(asked)
      assert.equal(end.state, 'cancelled')
      assert.equal(end.restored, true)
    })
  }

  test('a moment of sickness late in a long hold is no stand-still', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 20_000 } })
    const asked = await canary(h, shop, { holdSeconds: 100 })
    const fresh = newest(h, shop)
    for (let sick = 0; sick < 2; sick++) {
      await h.clock.advance(30_000)
      h.world.setCondition(shop.id, fresh, 'sick')
      await h.clock.advance(8000)
      h.world.setCondition(shop.id, fresh, 'scripted')
    }
    assert.equal((await h.end(asked)).state, 'succeeded')
  })

  test('fails when the new revision makes more errors than its check allows, with both numbers', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const asked = await canary(h, shop, { holdSeconds: 60, checks: [{ type: 'errors', maxRate: 0.01 }] })
    await h.clock.advance(5000)
    const revision = revisionOf(newest(h, shop))
    h.router.setTraffic(shop.id, { service: 'web', revision, requests: 1000, errors: 20 })
    const end = await h.end(asked)
    assert.equal(end.errorCode, 'check_failed')
    assert.match(
      end.error ?? '',
      /web: The error rate of the new revision is 2 % over 1000 requests, more than the 1 %/u,
    )
  })

  test('judges a revision that was warm like any other', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const services = [{ name: 'web', image: 'fake:web-2' }]
    const warm = names(h, shop.id, 'web')[0] ?? ''
    await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' }))
    const asked = await canary(h, shop, { holdSeconds: 60, checks: [{ type: 'errors', maxRate: 0.01 }] }, 'fake:web-1')
    await h.clock.advance(5000)
    h.router.setTraffic(shop.id, { service: 'web', revision: revisionOf(warm), requests: 1000, errors: 500 })
    assert.equal((await h.end(asked)).errorCode, 'check_failed')
  })

  test('is skipped when nothing of what it replaces was ready: a fix does not wait for what is broken', async t => {
    const h = await house(t)
    const shop = await h.shop()
    for (const name of names(h, shop.id, 'web')) h.world.setCondition(shop.id, name, 'sick')
    await h.clock.advance(10_000)
    const asked = await canary(h, shop, { holdSeconds: 3600 }, 'fake:web-2', false)
    const began = h.clock.now()
    assert.equal((await h.end(asked)).state, 'succeeded')
    assert.ok(h.clock.now() - began < 60_000)
    assert.ok((await performed(h, asked)).includes('hold 3600 s, skipped'))
  })

  test('is not skipped because a new control plane has not looked yet', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const { healthCheck, ...plain } = web('fake:web-1')
    const shop = await h.shop({ services: [{ ...plain, healthCheck: { ...healthCheck, minHealthyMs: 5000 } }] })
    first.killAfter(1)
    await Promise.race([canary(h, shop, { holdSeconds: 10 }, 'fake:web-2', false).catch(() => {}), first.end])
    const next = await successor(t, h)
    const [asked] = (await next.acme.listDeployments(shop.id)).items
    const again = asked?.kind === 'deploy' ? asked : await canary(next, shop, { holdSeconds: 10 }, 'fake:web-2', false)
    assert.equal((await next.end(again)).state, 'succeeded')
    assert.ok((await performed(next, again)).includes('hold 10 s, done'), String(await performed(next, again)))
  })

  test('goes on where it was when the control plane dies, less what nobody watched', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop()
    const asked = await canary(h, shop, { holdSeconds: 100 })
    await h.clock.advance(60_000)
    first.kill()
    await h.clock.advance(300_000)
    const next = await successor(t, h)
    const began = next.clock.now()
    assert.equal((await next.end(asked)).state, 'succeeded')
    const left = next.clock.now() - began
    assert.ok(left > 39_000 && left < 100_000, `${left}`)
  })

  test('that a control plane took up from the one before is taken up again when its time could once not be kept', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop()
    const asked = await canary(h, shop, { holdSeconds: 100 })
    first.kill()
    const { saveWatched } = h.store.work
    let failed = 0
    const work: Store['work'] = {
      ...h.store.work,
      async saveWatched(id, ms) {
        if (failed++ === 0) throw new SlipwayError('disk_full', 'The disk is full.')
        await saveWatched(id, ms)
      },
    }
    const next = await successor(t, h, { store: { ...h.store, work } })
    assert.equal((await next.end(asked, 200_000)).state, 'succeeded')
    assert.ok(failed > 1, `${failed} times`)
  })
})

/** A canary of web on its way to its first hold, or in it. */
async function canary(h: House, shop: Instance, step: object, image = 'fake:web-2', reach = true): Promise<Deployment> {
  const asked = await h.acme.deploy({
    instanceId: shop.id,
    services: [{ name: 'web', image }],
    strategy: 'canary',
    options: { steps: [{ weight: 50, ...step }] },
  })
  return reach ? await h.reach(asked, now => now.reason?.code === 'baking') : asked
}

/** The metrics have every step forward that ended, once. */
async function assertCounted(h: House, asked: Deployment): Promise<void> {
  const steps = await h.store.work.steps(asked.id)
  const samples = readSamples((await h.slipway.metrics?.scrape())?.text ?? '')
  const counted = samples.value('slipway_step_work_seconds_count', { strategy: 'canary', phase: 'forward' })
  assert.equal(counted, steps.filter(({ phase, endedAt }) => phase === 'forward' && endedAt !== undefined).length)
}

function newest(h: House, shop: Instance): string {
  return names(h, shop.id, 'web').at(-1) ?? ''
}

function revisionOf(replica: string): string {
  return replica.split('.').slice(1, 3).join('.')
}
