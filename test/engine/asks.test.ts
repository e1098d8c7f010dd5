import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { type Answer, type Ask, asks, type Phase } from '../../src/deploy/states.ts'
import { isSlipwayError, type SlipwayError } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type House, house } from './harness.ts'
import { running, traffic } from './look.ts'
import { atGate, ended, failing, inPhase, stuck } from './scenes.ts'

const endings = ['succeeded', 'failed', 'cancelled', 'rolled_back'] as const

describe('what may be asked of a deployment', () => {
  for (const [ask, phases] of Object.entries(asks) as [Ask, Record<Phase, Answer>][]) {
    for (const [phase, answer] of Object.entries(phases) as [Phase, Answer][]) {
      if (phase === 'ended') {
        for (const how of endings) {
          test(`${ask} of one that is ${how}: ${answer}, naming the state`, async t => {
            const h = await house(t)
            const shop = await h.shop()
            const error = await refused(h, ask, await ended(h, shop, how))
            assert.equal(error.code, answer)
            assert.equal(error.details?.state, how)
          })
        }
      } else {
        test(`${ask} of one that is ${phase}: ${answer}`, async t => {
          const h = await house(t)
          const shop = await h.shop()
          await walk[answer](h, shop, ask, phase)
        })
      }
    }
  }
})

/** How each answer of the table shows. */
const walk: Record<Answer, (h: House, shop: Instance, ask: Ask, phase: Phase) => Promise<void>> = {
  async 'cancelled at once'(h, shop) {
    const waiting = await inPhase(h, shop, 'pending')
    const cancelled = await h.acme.cancel(waiting.id)
    assert.equal(cancelled.state, 'cancelled')
    assert.equal(cancelled.error, 'cancelled by ana')
    assert.equal(cancelled.startedAt, undefined)
    assert.equal(cancelled.restored, true)
    assert.deepEqual(await kinds(h, waiting), ['release.created', 'deploy.queued', 'deploy.cancelled'])
  },
  async 'undo begins'(h, shop) {
    const paused = await atGate(h, shop)
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 75, 'fake:web-2': 25 })
    const answered = await h.acme.cancel(paused.id)
    assert.equal(answered.state, 'running')
    const after = await h.end(paused)
    assert.equal(after.state, 'cancelled')
    assert.equal(after.error, 'cancelled by ana')
    assert.equal(after.restored, true)
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
  },
  async 'changes nothing'(h, shop) {
    const failed = await failing(h, shop)
    const before = await h.acme.getDeployment(failed.id)
    assert.deepEqual(await h.acme.cancel(failed.id), before)
    const after = await h.end(failed)
    assert.equal(after.state, 'failed')
    assert.equal(after.errorCode, 'crash_loop')
  },
  async 'after the current step'(h, shop) {
    h.world.script({ image: 'fake:web-slow' }, { readyMs: 2000 })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-slow' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    await h.acme.pause(asked.id)
    const paused = await h.reach(asked, now => now.reason?.code === 'paused')
    const steps = await h.store.work.steps(asked.id)
    assert.deepEqual(
      steps.map(({ step, state }) => [step.kind, state]),
      [
        ['prepare', 'done'],
        ['run', 'done'],
      ],
    )
    await h.acme.resume(paused.id)
    assert.equal((await h.end(asked)).state, 'succeeded')
  },
  async 'starts paused'(h, shop) {
    const first = await atGate(h, shop)
    const waiting = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    await h.acme.pause(waiting.id)
    await h.acme.promote(first.id)
    const paused = await h.reach(waiting, now => now.reason?.code === 'paused')
    assert.equal(paused.state, 'running')
    assert.deepEqual(await h.store.work.steps(waiting.id), [])
    await h.acme.resume(waiting.id)
    assert.equal((await h.end(waiting)).state, 'succeeded')
  },
  async 'when paused'(h, shop, ask) {
    const paused = await atGate(h, shop)
    if (ask === 'promote') {
      const wrong = await refused(h, 'resume', paused)
      assert.equal(wrong.code, 'not_paused')
      await h.acme.promote(paused.id)
      assert.equal((await h.end(paused)).state, 'succeeded')
      const busy = await stuck(h, shop)
      assert.equal((await refused(h, 'promote', busy)).code, 'not_paused')
      return
    }
    await h.acme.pause(paused.id)
    await h.acme.promote(paused.id)
    await h.reach(paused, now => now.reason?.code === 'paused')
    assert.equal((await refused(h, 'promote', paused)).code, 'not_paused')
    await h.acme.resume(paused.id)
    assert.equal((await h.end(paused)).state, 'succeeded')
  },
  undoing: refusedAs('undoing'),
  not_paused: refusedAs('not_paused'),
  already_ended: refusedAs('already_ended'),
}

function refusedAs(code: string) {
  return async (h: House, shop: Instance, ask: Ask, phase: Phase): Promise<void> => {
    const subject = await inPhase(h, shop, phase)
    const error = await refused(h, ask, subject)
    assert.equal(error.code, code)
    h.world.unreachable = false
  }
}

/** Asks, and expects to be refused without anything being written. */
async function refused(h: House, ask: Ask, of: Deployment): Promise<SlipwayError> {
  const before = { deployment: await h.acme.getDeployment(of.id), last: await h.store.events.lastSeq() }
  try {
    await h.acme[ask](of.id)
  } catch (error) {
    assert.ok(isSlipwayError(error), String(error))
    assert.deepEqual({ deployment: await h.acme.getDeployment(of.id), last: await h.store.events.lastSeq() }, before)
    return error
  }
  return assert.fail(`${ask} was accepted`)
}

async function kinds(h: House, of: Deployment): Promise<string[]> {
  return (await h.events({ deploymentId: of.id })).map(event => event.type)
}
