import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StepRecord } from '../../src/deploy/run.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { house, successor } from './harness.ts'
import { performed, running, traffic } from './look.ts'
import { life } from './mortal.ts'
import { atGate } from './scenes.ts'
import { settled } from './sound.ts'

const gated = { weight: 25, holdSeconds: 0, pause: true } as const

describe('a pause of the plan', () => {
  test('waits for its gate to be promoted, and nobody needs to own the instance meanwhile', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const paused = await atGate(h, shop)
    assert.equal(paused.reason?.text, 'waits for promote of 25%')
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
    await h.clock.advance(10 * 60_000)
    assert.equal((await h.acme.getDeployment(paused.id)).state, 'running')
    await h.acme.promote(paused.id, '25%')
    const end = await h.end(paused)
    assert.equal(end.state, 'succeeded')
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-2': 100 })
  })

  test('refuses a promote of another gate and names its own', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const asked = await h.acme.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: 'fake:web-2' }],
      strategy: 'canary',
      options: { steps: [gated, { weight: 50, holdSeconds: 0, pause: 'half' }] },
    })
    await h.reach(asked, now => now.reason?.code === 'awaiting_promote')
    await assert.rejects(h.acme.promote(asked.id, 'half'), { code: 'not_paused', next: 'Promote "25%".' })
    await h.acme.promote(asked.id, '25%')
    await h.reach(asked, now => now.reason?.text === 'waits for promote of half')
    await assert.rejects(h.acme.promote(asked.id, '25%'), { code: 'not_paused' })
    await h.acme.promote(asked.id, 'half')
    assert.equal((await h.end(asked)).state, 'succeeded')
    const steps = await h.store.work.steps(asked.id)
    assert.deepEqual(
      steps.filter(({ step }) => step.kind === 'pause').map(({ note }) => note),
      ['promoted by ana', 'promoted by ana'],
    )
  })

  test('with seconds goes on by itself, and says so', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const asked = await h.acme.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: 'fake:web-2' }],
      strategy: 'canary',
      options: { steps: [{ ...gated, pauseSeconds: 120 }] },
    })
    await h.reach(asked, now => now.reason?.code === 'awaiting_promote')
    const began = h.clock.now()
    const end = await h.end(asked)
    assert.equal(end.state, 'succeeded')
    assert.ok(h.clock.now() - began >= 120_000 && h.clock.now() - began < 240_000)
    const steps = await h.store.work.steps(asked.id)
    assert.equal(steps.find(({ step }) => step.kind === 'pause')?.note, 'went on by itself')
  })

  test('that nobody promotes is undone at its deadline', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { pauseDeadlineMs: 90_000 } })
    const paused = await atGate(h, shop)
    const end = await h.end(paused)
    assert.equal(end.state, 'failed')
    assert.equal(end.errorCode, 'pause_deadline')
    assert.equal(end.restored, true)
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
  })

  test('runs on plain time: one in which no control plane lived counts as well', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop({ policies: { pauseDeadlineMs: 90_000 } })
    const paused = await atGate(h, shop)
    first.kill()
    await h.clock.advance(100_000)
    const next = await successor(t, h)
    const began = next.clock.now()
    assert.equal((await next.end(paused)).errorCode, 'pause_deadline')
    assert.ok(next.clock.now() - began < 60_000)
  })

  test('keeps what it has, whatever dies meanwhile, and tells of the pause once', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const paused = await atGate(h, shop)
    for (const { name } of h.world.replicas(shop.id)) {
      h.world.crash(shop.id, name)
      await settled(h, shop.id)
    }
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1', 'fake:web-2'])
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 75, 'fake:web-2': 25 })
    const told = (await h.events({ deploymentId: paused.id })).filter(event => event.type === 'deploy.paused')
    assert.equal(told.length, 1)
  })
})

for (const read of [1, 2, 3]) {
  test(`a promote that comes as a pause begins anew, because the clock was set back, counts (read ${read})`, async t => {
    const clock = fakeClock()
    const real = await sqliteStore({ path: ':memory:', clock })
    const race = { reads: 0, act: async (): Promise<unknown> => undefined }
    const steps = async (id: string): Promise<StepRecord[]> => {
      const records = await real.work.steps(id)
      if (++race.reads === read) await race.act()
      return records
    }
    const h = await house(t, { clock, store: { ...real, work: { ...real.work, steps } } })
    const shop = await h.shop()
    const paused = await atGate(h, shop)
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
    race.reads = 0
    race.act = async () => await h.acme.promote(paused.id)
    clock.jump(-3600_000)
    await real.work.wake(shop.id)
    assert.equal((await h.end(paused)).state, 'succeeded')
    const done = (await real.work.steps(paused.id)).find(({ step }) => step.kind === 'pause')
    assert.equal(done?.note, 'promoted by ana')
  })
}

describe('a pause that somebody asked for', () => {
  test('takes effect between two steps, holds nothing, and goes on where it was', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.world.script({ image: 'fake:web-2' }, { readyMs: 1000 })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    await h.acme.pause(asked.id)
    await h.acme.pause(asked.id)
    await h.reach(asked, now => now.reason?.code === 'paused')
    await h.clock.advance(3600_000 / 10)
    assert.deepEqual(
      (await performed(h, asked)).map(line => line.split(' ')[0]),
      ['prepare', 'run'],
    )
    await h.acme.resume(asked.id)
    assert.equal((await h.end(asked)).state, 'succeeded')
    const kinds = (await h.events({ deploymentId: asked.id })).map(event => event.type)
    assert.equal(kinds.filter(kind => kind === 'deploy.paused').length, 1)
    assert.equal(kinds.filter(kind => kind === 'deploy.resumed').length, 1)
  })

  test('tells of itself once, though the instance is looked after meanwhile', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.world.script({ image: 'fake:web-2' }, { readyMs: 1000 })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    await h.acme.pause(asked.id)
    const paused = await h.reach(asked, now => now.reason?.code === 'paused')
    for (const { name } of h.world.replicas(shop.id)) {
      h.world.crash(shop.id, name)
      await settled(h, shop.id)
    }
    const now = await h.acme.getDeployment(asked.id)
    assert.equal(now.reason?.since, paused.reason?.since)
    const kinds = (await h.events({ deploymentId: asked.id })).map(event => event.type)
    assert.equal(kinds.filter(kind => kind === 'deploy.paused').length, 1)
  })

  test('of one that waits at a gate holds it after the promote', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const paused = await atGate(h, shop)
    await h.acme.pause(paused.id)
    await h.acme.promote(paused.id)
    await h.reach(paused, now => now.reason?.code === 'paused')
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 75, 'fake:web-2': 25 })
    await h.acme.cancel(paused.id)
    assert.equal((await h.end(paused)).restored, true)
  })

  test('outlives the control plane', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop()
    const paused = await atGate(h, shop)
    await h.acme.pause(paused.id)
    await h.acme.promote(paused.id)
    first.kill()
    const next = await successor(t, h)
    await next.reach(paused, now => now.reason?.code === 'paused')
    await next.acme.resume(paused.id)
    assert.equal((await next.end(paused)).state, 'succeeded')
  })
})
