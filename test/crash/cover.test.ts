import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seededRandom } from '../../src/provider/fake/random.ts'
import { everyKill, type Recording, sampleOf } from './cover.ts'

const recordings: readonly Recording[] = [
  { row: 0, scenario: 'stop', passed: ['a', 'b', 'a', 'c'], tookMs: 100 },
  { row: 1, scenario: 'deploy', passed: ['a', 'b', 'b', 'b', 'd', 'e', 'f'], tookMs: 500 },
  { row: 1, scenario: 'scale', passed: ['a', 'b'], tookMs: 300 },
]

describe('the moments to be killed at', () => {
  test('are all of them, in the full form', () => {
    const kills = everyKill(recordings)
    assert.equal(kills.length, 13)
    assert.deepEqual(
      kills.filter(({ scenario }) => scenario === 'scale').map(({ moment }) => moment),
      [
        { name: 'a', occurrence: 1 },
        { name: 'b', occurrence: 1 },
      ],
    )
  })

  test('meet every name once and every scenario at least once in a sample, at a moment that was there', () => {
    const all = new Set(everyKill(recordings).map(kill => JSON.stringify(kill)))
    for (let seed = 1; seed <= 50; seed++) {
      const kills = sampleOf(recordings, seededRandom(seed))
      const names = kills.map(({ moment }) => moment.name)
      assert.deepEqual([...new Set(names)].sort(), ['a', 'b', 'c', 'd', 'e', 'f'])
      assert.ok(kills.length <= 7, `${kills.length} kills`)
      assert.equal(new Set(kills.map(({ scenario }) => scenario)).size, 3)
      for (const kill of kills) assert.ok(all.has(JSON.stringify(kill)))
    }
  })

  test('are the same for the same seed, and others for another', () => {
    const sample = (seed: number) => sampleOf(recordings, seededRandom(seed))
    assert.deepEqual(sample(7), sample(7))
    assert.ok([8, 9, 10, 11].some(seed => JSON.stringify(sample(seed)) !== JSON.stringify(sample(7))))
  })
})
