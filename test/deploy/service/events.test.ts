import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rolling } from '../../../src/deploy/strategies/rolling.ts'
import type { StrategyParams } from '../../../src/deploy/strategy.ts'
import type { Store } from '../../../src/deploy/work.ts'
import type { EventType } from '../../../src/event/event.ts'
import { fakeClock } from '../../../src/provider/fake/index.ts'
import { sqliteStore } from '../../../src/store/sqlite.ts'
import { type House, house, web } from '../../engine/harness.ts'
import { atGate, ended } from '../../engine/scenes.ts'
import { assertSound, settled } from '../../engine/sound.ts'

const web2 = [{ name: 'web', image: 'fake:web-2' }]

describe('events', () => {
  test('of a deployment tell its states in order, its steps, and exactly one end', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2 }))
    const events = await h.events({ deploymentId: end.id })
    assert.deepEqual(
      events.map(event => event.type),
      [
        'release.created',
        'deploy.queued',
        'deploy.started',
        'deploy.progress',
        'deploy.progress',
        'deploy.progress',
        'deploy.progress',
        'deploy.succeeded',
        'release.activated',
      ],
    )
    assert.ok(events.every(event => event.tenantId === 'acme' && event.instanceId === shop.id))
    assert.deepEqual(
      events.filter(event => event.type === 'deploy.progress').map(event => [event.data?.step, event.data?.kind]),
      [
        [1, 'prepare'],
        [2, 'run'],
        [3, 'route'],
        [4, 'retire'],
      ],
    )
    const percents = events.flatMap(event => (typeof event.data?.percent === 'number' ? [event.data.percent] : []))
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    )
  })

  for (const how of ['succeeded', 'failed', 'cancelled', 'rolled_back'] as const) {
    test(`of one that is ${how} end once, and what was told agrees with what can be read`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const { id } = await ended(h, shop, how)
      const ends = (await h.events({ deploymentId: id })).filter(event =>
        ['deploy.succeeded', 'deploy.failed', 'deploy.cancelled'].includes(event.type),
      )
      assert.equal(ends.length, 1)
      const { error, errorCode, restored } = await h.acme.getDeployment(id)
      if (how === 'failed' || how === 'cancelled')
        assert.deepEqual(
          [ends[0]?.data?.error, ends[0]?.data?.code, ends[0]?.data?.restored],
          [error, errorCode, restored],
        )
      await settled(h, shop.id)
      await assertSound(h, shop.id)
    })
  }

  for (const type of ['deploy.started', 'deploy.progress', 'deploy.succeeded', 'release.activated'] as const) {
    test(`commit with what they tell of: a lost ${type} loses the change, and both are made again`, async t => {
      const { h, lose } = await forgetful(t)
      const shop = await h.shop({ services: [web('fake:web-1')] })
      lose(type)
      const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services: web2 }))
      assert.equal(end.state, 'succeeded')
      const told = (await h.events({ deploymentId: end.id })).filter(event => event.type === type)
      assert.equal(told.length, type === 'deploy.progress' ? 4 : 1)
      await settled(h, shop.id)
      await assertSound(h, shop.id)
    })
  }

  for (const type of ['deploy.failed', 'deploy.undoing', 'deploy.cancelled'] as const) {
    test(`a lost ${type} on the way back as well`, async t => {
      const { h, lose } = await forgetful(t)
      const shop = await h.shop()
      lose(type)
      const end = await ended(h, shop, type === 'deploy.failed' ? 'failed' : 'cancelled')
      assert.equal(end.restored, true)
      assert.equal((await h.events({ deploymentId: end.id })).filter(event => event.type === type).length, 1)
      await assertSound(h, shop.id)
    })
  }

  test('are followed live by whoever watches, from the first to the last', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const asked = await atGate(h, shop)
    const seen: string[] = []
    const watching = (async () => {
      for await (const event of h.acme.watch(asked.id)) seen.push(event.type)
    })()
    await h.acme.promote(asked.id)
    await h.until(watching)
    const all = (await h.events({ deploymentId: asked.id })).map(event => event.type)
    assert.deepEqual(seen, all.slice(0, seen.length))
    assert.equal(seen.at(-1), 'deploy.succeeded')
  })

  test('reach every subscriber though one of them fails', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const seen: string[] = []
    h.slipway.bus.subscribe('*', () => {
      throw new Error('always')
    })
    h.slipway.bus.subscribe(['deploy.succeeded', 'deploy.queued'], event => void seen.push(event.type))
    const asked = await h.acme.deploy({ instanceId: shop.id, services: web2 })
    await h.end(asked)
    await h.when(() => seen.length === 2)
    assert.deepEqual(seen, ['deploy.queued', 'deploy.succeeded'])
  })
})

test('a strategy that is given no optional callback does the same', async () => {
  const performed: string[] = []
  const steps = [{ kind: 'pause', gate: 'g', name: 'one', table: [] } as const]
  const params = {
    steps,
    rollout: { perform: async (step: { name: string }) => void performed.push(step.name) },
    onProgress: () => {},
  }
  await rolling.execute(params as unknown as StrategyParams)
  assert.deepEqual(performed, ['one'])
})

/** A house whose store loses an event of a type once, in the transaction it belongs to. */
async function forgetful(t: Parameters<typeof house>[0]): Promise<{ h: House; lose(type: EventType): void }> {
  const clock = fakeClock()
  const inner = await sqliteStore({ path: ':memory:', clock })
  let lost: EventType | undefined
  const store: Store = {
    ...inner,
    transaction: work =>
      inner.transaction(tx =>
        work({
          ...tx,
          events: {
            ...tx.events,
            async append(event) {
              if (event.type !== lost) return await tx.events.append(event)
              lost = undefined
              throw new Error('the disk is full')
            },
          },
        }),
      ),
  }
  return { h: await house(t, { clock, store }), lose: type => void (lost = type) }
}
