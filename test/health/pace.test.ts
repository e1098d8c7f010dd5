import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ProbePace } from '../../src/health/pace.ts'

describe('the pace of probes', () => {
  test('is that of the checks while there are few, and two thousand probes a second when there are many', () => {
    const pace = new ProbePace()
    for (let n = 0; n < 1000; n++) pace.enter()
    assert.equal(pace.stretched(1000), 1000)
    for (let n = 0; n < 19_000; n++) pace.enter()
    assert.equal(pace.stretched(1000), 10_000)
    assert.equal(pace.stretched(30_000), 30_000)
    for (let n = 0; n < 19_000; n++) pace.leave()
    assert.equal(pace.stretched(1000), 1000)
  })

  test('spreads those that begin together evenly over their interval', () => {
    const pace = new ProbePace()
    const phases = Array.from({ length: 1000 }, () => pace.nextPhase())
    for (let tenth = 0; tenth < 10; tenth++) {
      const there = phases.filter(phase => phase >= tenth / 10 && phase < (tenth + 1) / 10).length
      assert.ok(there >= 90 && there <= 110, `${there} in tenth ${tenth}`)
    }
  })
})
