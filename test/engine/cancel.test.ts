import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { rolling } from '../../src/deploy/strategies/rolling.ts'
import { planned, type StrategyParams } from '../../src/deploy/strategy.ts'
import type { Store, Stores } from '../../src/deploy/work.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { seededRandom } from '../../src/provider/fake/random.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type House, house, web } from './harness.ts'
import { running, traffic } from './look.ts'
import { stuck } from './scenes.ts'
import { assertSound, settled } from './sound.ts'

const web2 = [{ name: 'web', image: 'fake:web-2' }]

describe('a cancel', () => {
  test('stops the work and restores what served before', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const running1 = running(h, shop.id)
    const asked = await stuck(h, shop)
    await h.acme.cancel(asked.id)
    const end = await h.end(asked)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.restored, true)
    assert.equal(end.serviceProgress?.web, 'failed')
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id), running1)
    assert.equal((await h.acme.instances.get(shop.id)).currentReleaseId, shop.currentReleaseId)
    await assertSound(h, shop.id)
  })

  test('is not overwritten by progress that comes late', async t => {
    let late: StrategyParams | undefined
    const chatty = {
      ...planned('chatty', input => rolling.plan?.({ ...input, options: {} }) ?? []),
      async execute(params: StrategyParams) {
        late = params
        for (const step of params.steps) await params.rollout.perform(step)
      },
    }
    const h = await house(t, { strategies: [chatty] })
    const shop = await h.shop()
    h.world.script({ image: 'fake:web-2' }, { readyMs: 'never' })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: web2, strategy: 'chatty' })
    await h.reach(asked, now => now.reason?.code === 'health')
    await h.acme.cancel(asked.id)
    late?.onServiceProgress?.('web', 'succeeded')
    const end = await h.end(asked)
    late?.onServiceProgress?.('web', 'running')
    late?.onProgress('rolling', 99, 'almost there')
    await h.clock.advance(5000)
    assert.deepEqual(await h.acme.getDeployment(asked.id), end)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.serviceProgress?.web, 'failed')
    const kinds = (await h.events({ deploymentId: asked.id })).map(event => event.type)
    assert.equal(kinds.at(-1), 'deploy.cancelled')
  })

  test('of a task ends the wait for it', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), before: ['migrate'] }] })
    h.world.script({ image: 'fake:web-2' }, { task: { ms: 300_000 } })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: web2 })
    await h.reach(asked, now => now.reason?.code === 'task')
    await h.acme.cancel(asked.id)
    const began = h.clock.now()
    const end = await h.end(asked)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.restored, true)
    assert.ok(h.clock.now() - began < 60_000)
  })

  test('races with the end of a rollout into exactly one end that both callers see', async t => {
    let cancelled = 0
    let succeeded = 0
    for (let moment = 0; moment < 60; moment++) {
      const { h, at, log } = await interruptible(t)
      const shop = await h.shop({ services: [{ ...web('fake:web-1'), replicas: 2 }] })
      const asked = await h.acme.deploy({ instanceId: shop.id, services: web2 })
      const answer = at(moment, () => h.acme.cancel(asked.id))
      const end = await h.end(asked)
      const told = await Promise.race([answer, Promise.resolve('too late')])
      if (told === 'too late') break
      if (end.state === 'cancelled') {
        cancelled++
        assert.ok(!(told instanceof Error), JSON.stringify(told))
        assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
      } else {
        succeeded++
        assert.equal(end.state, 'succeeded')
        assert.ok(isSlipwayError(told, 'already_ended'), JSON.stringify(told))
        assert.equal(told.details?.state, 'succeeded')
      }
      await settled(h, shop.id)
      await assertSound(h, shop.id)
      assert.equal((await h.acme.getDeployment(asked.id)).state, end.state)
      const cause = log.indexOf('cause')
      assert.ok(cause === -1 || !log.slice(cause).includes('forward'), `after the cause: ${log.slice(cause).join()}`)
    }
    assert.ok(cancelled > 8 && succeeded > 0, `${cancelled} cancelled, ${succeeded} succeeded`)
  })

  test('races with everything else that may be asked, in a hundred orders', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    for (let seed = 1; seed <= (process.env.SLIPWAY_TEST_FULL ? 100 : 25); seed++) {
      const random = seededRandom(seed)
      const image = `fake:web-${seed + 1}`
      h.world.script({ image }, { readyMs: [0, 200] })
      const options = { steps: [{ weight: 50, holdSeconds: 0, pause: true }] }
      const services = [{ name: 'web', image }]
      const asked = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'canary', options })
      const asks = ['cancel', 'promote', 'pause', 'resume', 'promote', 'resume'] as const
      const answers = asks.map(async (ask): Promise<Deployment | undefined> => {
        await h.clock.sleep(random() * 400)
        try {
          return await h.acme[ask](asked.id)
        } catch (error) {
          assert.ok(isSlipwayError(error) && /not_paused|undoing|already_ended/u.test(error.code), String(error))
          return undefined
        }
      })
      const all = Promise.all(answers)
      await h.until(all)
      const now = await h.acme.getDeployment(asked.id)
      if (now.state === 'running') await h.acme.cancel(asked.id).catch(() => {})
      const end = await h.end(asked)
      assert.match(end.state, /succeeded|cancelled/u)
    }
    await settled(h, shop.id)
    await assertSound(h, shop.id)
    assert.equal(
      Object.values(traffic(h, shop.id).web ?? {}).reduce((sum, weight) => sum + weight, 0),
      100,
    )
  })
})

/** A house in which something can be done right before the n-th transaction of whoever else is at work. */
async function interruptible(t: Parameters<typeof house>[0]): Promise<{
  h: House
  at(moment: number, act: () => Promise<Deployment>): Promise<Deployment | Error>
  /** Causes of an undo and steps begun, in the order of their commits. */
  readonly log: readonly string[]
}> {
  const clock = fakeClock()
  const inner = await sqliteStore({ path: ':memory:', clock })
  let act: (() => void) | undefined
  let left = -1
  const log: string[] = []
  const logged = (work: Stores['work']): Stores['work'] => ({
    ...work,
    async saveUndo(id, cause) {
      log.push('cause')
      return await work.saveUndo(id, cause)
    },
    async saveStep(record) {
      if (record.state === 'begun') log.push(record.phase)
      await work.saveStep(record)
    },
  })
  const store: Store = {
    ...inner,
    async transaction(work) {
      if (left-- === 0) act?.()
      return await inner.transaction(tx => work({ ...tx, work: logged(tx.work) }))
    },
  }
  const h = await house(t, { clock, store })
  return {
    h,
    log,
    async at(moment, ask) {
      return await new Promise(resolve => {
        left = moment
        act = () => {
          act = undefined
          ask().then(resolve, resolve)
        }
      })
    },
  }
}
