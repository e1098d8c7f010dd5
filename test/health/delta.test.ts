import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Tally, trafficDelta } from '../../src/health/delta.ts'
import type { RevisionTraffic } from '../../src/router/router.ts'

function counted(requests: number, errors: number, revision = 'new.1'): RevisionTraffic {
  return {
    service: 'web',
    revision,
    requests,
    errors,
    latencyBoundsMs: [10],
    latencyCounts: [requests, 0],
    active: 0,
    activeWebSockets: 0,
  }
}

describe('what a router counted between two looks', () => {
  test('is the difference, and everything when the counters went back', () => {
    assert.deepEqual(pick(trafficDelta(counted(100, 3), counted(120, 5))), [20, 2])
    assert.deepEqual(pick(trafficDelta(counted(100, 3), counted(20, 1))), [20, 1])
    assert.deepEqual(pick(trafficDelta(undefined, counted(20, 1))), [20, 1])
    assert.deepEqual(pick(trafficDelta(counted(20, 1), undefined)), [0, 0])
  })

  test('goes on over a restart: what it counted before is kept, and nothing is ever taken away', () => {
    const tally = new Tally()
    for (const [requests, errors] of [
      [1000, 50],
      [1100, 60],
      // Killed and started again: from 0.
      [30, 3],
      [1200, 70],
      [1300, 70],
    ] as const) {
      tally.look([counted(requests, errors)])
    }
    const sum = tally.of('web', 'new.1')
    assert.deepEqual(pick(sum), [100 + 30 + 1170 + 100, 10 + 3 + 67 + 0])
    assert.deepEqual(sum.latencyCounts, [1400, 0])
  })

  test('begins at 0 for a revision that the router did not know at the first look', () => {
    const tally = new Tally()
    tally.look([counted(1000, 0, 'old.1')])
    tally.look([counted(1010, 0, 'old.1'), counted(40, 2)])
    // It has forgotten both for a moment.
    tally.look([])
    tally.look([counted(5, 0, 'old.1'), counted(1, 1)])
    assert.deepEqual(pick(tally.of('web', 'old.1')), [15, 0])
    assert.deepEqual(pick(tally.of('web', 'new.1')), [41, 3])
    assert.deepEqual(pick(tally.of('web', 'unheard-of.1')), [0, 0])
  })
})

function pick({ requests, errors }: { readonly requests: number; readonly errors: number }): number[] {
  return [requests, errors]
}
