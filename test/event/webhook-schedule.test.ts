import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { nextTry, retryAfterMs, retrySchedule } from '../../src/event/webhook-schedule.ts'

const { firstMs, longestMs, giveUpMs, jitter } = retrySchedule

test('whatever chance says, waits grow to their longest and the last try is when the time is over', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 }), chances => {
      const tries = [0]
      for (const [n, chance] of chances.entries()) {
        const next = nextTry({ attemptCount: n + 1, since: 0, now: tries.at(-1) ?? 0 }, chance)
        if (next === undefined) break
        tries.push(next)
      }
      assert.equal(tries.at(-1), giveUpMs)
      assert.ok(tries.length >= 12 && tries.length <= 20, `${tries.length} tries`)
      const waits = tries.slice(1).map((at, n) => at - (tries[n] ?? 0))
      assert.ok((waits[0] ?? 0) >= firstMs * (1 - jitter) && (waits[0] ?? 0) <= firstMs * (1 + jitter))
      for (const wait of waits) assert.ok(wait > 0 && wait <= longestMs * (1 + jitter))
    }),
  )
})

test('one that had to wait its turn until its time was over has its one try', () => {
  assert.equal(nextTry({ attemptCount: 1, since: 0, now: giveUpMs }, 0.5), undefined)
  assert.equal(nextTry({ attemptCount: 1, since: 0, now: giveUpMs - 1 }, 0.5), giveUpMs)
})

test('a receiver may ask for a longer wait, not for a shorter one, nor for one beyond the longest', () => {
  const after = (atLeastMs: number) => nextTry({ attemptCount: 1, since: 0, now: 0, atLeastMs }, 0.5)
  assert.deepEqual([after(1), after(60_000), after(1e12)], [firstMs, 60_000, longestMs])
})

test('Retry-After is read as seconds or as a date', () => {
  const now = Date.UTC(2026, 10, 24, 12)
  assert.equal(retryAfterMs('120', now), 120_000)
  assert.equal(retryAfterMs('Tue, 24 Nov 2026 12:01:00 GMT', now), 60_000)
  for (const nothing of [undefined, '', 'soon', '-5', '0', 'Tue, 24 Nov 2026 11:00:00 GMT']) {
    assert.equal(retryAfterMs(nothing, now), undefined, nothing)
  }
})
