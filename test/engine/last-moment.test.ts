import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { house } from './harness.ts'
import { atGate } from './scenes.ts'

test('a promote at the deadline of its pause is refused or honoured, before whichever transaction it comes', async t => {
  const told = new Set<string>()
  for (let at = 1; at <= 12; at++) {
    const clock = fakeClock()
    const real = await sqliteStore({ path: ':memory:', clock })
    const race: { left: number; act?: () => Promise<unknown> } = { left: at }
    const store: Store = {
      ...real,
      async transaction(work) {
        const { act } = race
        if (act && --race.left === 0) {
          delete race.act
          await act()
        }
        return await real.transaction(work)
      },
    }
    const h = await house(t, { clock, store })
    const shop = await h.shop({ policies: { pauseDeadlineMs: 90_000 } })
    const paused = await atGate(h, shop)
    await h.when(async () => (await real.work.load(shop.id))?.owner === undefined)
    let answer = 'never asked'
    race.act = async () => {
      try {
        await h.acme.promote(paused.id)
        answer = 'promoted'
      } catch (error) {
        if (!isSlipwayError(error)) throw error
        answer = error.code
      }
    }
    const end = await h.end(paused)
    told.add(answer)
    assert.equal(end.state, answer === 'promoted' ? 'succeeded' : 'failed', `${at}: ${answer}`)
  }
  assert.ok(told.has('promoted') && told.has('undoing'), [...told].join())
})
