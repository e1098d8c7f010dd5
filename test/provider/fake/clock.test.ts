import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../../../src/provider/fake/clock.ts'

test('sleepers wake in the order in which they are due, those that were added on the way included', async () => {
  const clock = fakeClock()
  const woken: string[] = []
  const sleeper = async (name: string, ...naps: number[]) => {
    for (const ms of naps) {
      await clock.sleep(ms)
      woken.push(`${name}@${clock.monotonic()}`)
    }
  }
  const all = Promise.all([sleeper('a', 30), sleeper('b', 10, 10, 15)])
  await clock.advance(34)
  assert.deepEqual(woken, ['b@10', 'b@20', 'a@30'])
  await clock.advance(1)
  await all
  assert.deepEqual(woken.at(-1), 'b@35')
  assert.equal(clock.waiting, 0)
})

test('a sleep ends with the reason of its signal and leaves no timer', async () => {
  const clock = fakeClock()
  const controller = new AbortController()
  const sleep = clock.sleep(100, controller.signal)
  controller.abort(new Error('enough'))
  await assert.rejects(sleep, /enough/u)
  assert.equal(clock.waiting, 0)
})

test('until moves time on as far as the promise needs, and no further than its limit', async () => {
  const clock = fakeClock()
  assert.equal(await clock.until(clock.sleep(3_600_000).then(() => 'rested')), 'rested')
  assert.equal(clock.monotonic(), 3_600_000)
  await assert.rejects(clock.until(clock.sleep(5000), 1000), /more than 1000 ms/u)
})

test('the wall clock can jump without the other one moving', () => {
  const clock = fakeClock({ startsAt: 1000 })
  clock.jump(-500)
  assert.deepEqual([clock.now(), clock.monotonic()], [500, 0])
})
