import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asksFor } from './asks.ts'
import { drawOf } from './draw.ts'

describe('a kill that is drawn', () => {
  test('depends on the seed and its number alone', () => {
    assert.deepEqual(drawOf(3, 417), drawOf(3, 417))
    assert.notDeepEqual(drawOf(3, 417), drawOf(4, 417))
    assert.notDeepEqual(drawOf(3, 417), drawOf(3, 418))
  })

  test('comes in every combination of victims, and at everything that can be asked, within a thousand', () => {
    const draws = Array.from({ length: 1000 }, (_, index) => drawOf(1, index + 1))
    const parties = draws.map(({ victims }) => `${victims.plane} ${victims.proxy} ${victims.replicas.length}`)
    // Somebody always dies; and one replica or two.
    assert.equal(new Set(parties).size, 11)
    const asks = asksFor(0).length
    assert.equal(new Set(draws.map(({ asked }) => Math.floor(asked * asks))).size, asks)
    const again = draws.filter(({ againAfterMs }) => againAfterMs !== undefined)
    assert.ok(again.length > 100 && again.every(({ victims }) => victims.plane))
  })
})
