import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { hasEnded } from '../../src/deploy/deployment.ts'
import type { Store } from '../../src/deploy/work.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type House, house } from './harness.ts'
import { atGate } from './scenes.ts'

test('a promote at the deadline of its pause is refused or honoured, before whichever transaction it comes', async t => {
  const told = new Set<string>()
  // Once it is refused, the way back has begun: it stays so.
  for (let at = 1; at <= 12 && !told.has('undoing'); at++) {
    const { h, askBefore } = await racing(t)
    const shop = await h.shop({ policies: { pauseDeadlineMs: 90_000 } })
    const paused = await atGate(h, shop)
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
    const answer = askBefore(at, () => h.acme.promote(paused.id))
    const end = await h.end(paused)
    told.add(answer())
    assert.equal(end.state, answer() === 'accepted' ? 'succeeded' : 'failed', `${at}: ${answer()}`)
  }
  assert.ok(told.has('accepted') && told.has('undoing'), [...told].join())
})

test('a resume at the deadline of its pause is refused or honoured, before whichever transaction it comes', async t => {
  const told = new Set<string>()
  // Once it is refused, the way back has begun: it stays so.
  for (let at = 1; at <= 12 && !told.has('undoing'); at++) {
    const { h, askBefore } = await racing(t)
    const shop = await h.shop({ policies: { pauseDeadlineMs: 90_000 } })
    const paused = await atGate(h, shop)
    await h.acme.pause(paused.id)
    await h.acme.promote(paused.id)
    await h.reach(paused, now => now.reason?.code === 'paused')
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
    const answer = askBefore(at, () => h.acme.resume(paused.id))
    const end = await h.end(paused)
    told.add(answer())
    assert.equal(end.state, answer() === 'accepted' ? 'succeeded' : 'failed', `${at}: ${answer()}`)
  }
  assert.ok(told.has('accepted') && told.has('undoing'), [...told].join())
})

test('a cancel on the way to success is refused or honoured, before whichever transaction it comes', async t => {
  const told: string[] = []
  for (let at = 1; told.at(-1) !== 'never asked'; at++) {
    const { h, askBefore } = await racing(t)
    const paused = await atGate(h, await h.shop())
    await h.acme.promote(paused.id)
    const answer = askBefore(at, () => h.acme.cancel(paused.id))
    const end = await h.end(paused)
    told.push(answer())
    assert.equal(end.state, answer() === 'accepted' ? 'cancelled' : 'succeeded', `${at}: ${answer()}`)
  }
  assert.ok(told.includes('accepted') && told.includes('already_ended'), told.join())
})

test('a pause on the way to success is refused or honoured, before whichever transaction it comes', async t => {
  const told: string[] = []
  for (let at = 1; told.at(-1) !== 'never asked'; at++) {
    for (const isResumed of [true, false]) {
      const { h, askBefore } = await racing(t)
      const paused = await atGate(h, await h.shop({ policies: { pauseDeadlineMs: 90_000 } }))
      await h.acme.promote(paused.id)
      const answer = askBefore(at, () => h.acme.pause(paused.id))
      await h.when(async () => answer() !== 'never asked' || hasEnded((await h.acme.getDeployment(paused.id)).state))
      told.push(answer())
      const isHeld = answer() === 'accepted'
      if (isHeld) await h.reach(paused, now => now.reason?.code === 'paused')
      if (isHeld && isResumed) await h.acme.resume(paused.id)
      const { state, errorCode, restored } = await h.end(paused)
      const expected = isHeld && !isResumed ? ['failed', 'pause_deadline', true] : ['succeeded', undefined, undefined]
      assert.deepEqual([state, errorCode, restored], expected, `${at}: ${answer()}`)
    }
  }
  assert.ok(told.includes('accepted') && told.includes('already_ended'), told.join())
})

/** A house in which something can be asked right before one of the transactions that are to come. */
async function racing(
  t: TestContext,
): Promise<{ h: House; askBefore(at: number, ask: () => Promise<unknown>): () => string }> {
  const clock = fakeClock()
  const real = await sqliteStore({ path: ':memory:', clock })
  let due: { left: number; readonly say: () => Promise<void> } | undefined
  const store: Store = {
    ...real,
    async transaction(work) {
      const now = due
      if (now && --now.left === 0) {
        due = undefined
        await now.say()
      }
      return await real.transaction(work)
    },
  }
  return {
    h: await house(t, { clock, store }),
    // Before the transaction that is the `at`-th from now on. Returns what tells the answer: accepted, or why not.
    askBefore(at, ask) {
      let answer = 'never asked'
      const say = async (): Promise<void> => {
        try {
          await ask()
          answer = 'accepted'
        } catch (error) {
          if (!isSlipwayError(error)) throw error
          answer = error.code
        }
      }
      due = { left: at, say }
      return () => answer
    },
  }
}
