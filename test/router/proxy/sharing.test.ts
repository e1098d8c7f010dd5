import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { capLog } from '../../../src/router/proxy/log-cap.ts'
import { nextRun } from '../../../src/router/proxy/next-run.ts'
import { inSlices } from '../../../src/router/proxy/slices.ts'
import { turnstile } from '../../../src/router/proxy/turnstile.ts'

describe('what many ask for at once', () => {
  test('goes on side by side up to a number, in the order of asking, also when some of it fails', async () => {
    const inTurn = turnstile(3)
    const order: number[] = []
    let now = 0
    let most = 0
    const all = Array.from({ length: 10 }, async (_, index) =>
      inTurn(async () => {
        order.push(index)
        most = Math.max(most, ++now)
        await delay(1)
        now--
        if (index % 4 === 0) throw new Error(`${index} failed`)
      }),
    )
    const failed = (await Promise.allSettled(all)).filter(({ status }) => status === 'rejected')
    assert.deepEqual([most, failed.length, order], [3, 3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
  })

  test('is done once for all who asked while it was being done, and begun after they asked', async () => {
    let runs = 0
    const sync = nextRun(async () => {
      runs++
      await delay(5)
    })
    const first = sync()
    const begun = runs
    const others = Array.from({ length: 20 }, async () => {
      await sync()
      assert.equal(runs, begun + 1)
    })
    await Promise.all([first, ...others])
    await sync()
    assert.equal(runs, 3)
  })

  test('fails for those who asked, not for those who ask next', async () => {
    let fails = true
    const sync = nextRun(async () => {
      await delay(1)
      if (fails) throw new Error('disk full')
    })
    const both = await Promise.allSettled([sync(), sync()])
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    fails = false
    await sync()
  })

  test('is worked on in slices, so that others get a turn, and in order', async () => {
    const done: number[] = []
    const take = inSlices((one: number) => {
      for (const until = performance.now() + 1; performance.now() < until; );
      done.push(one)
    })
    for (let i = 0; i < 50; i++) take(i)
    const atOnce = done.length
    await new Promise(resolve => setImmediate(resolve))
    assert.ok(atOnce < 50, `${atOnce} at once`)
    while (done.length < 50) await new Promise(resolve => setImmediate(resolve))
    assert.deepEqual(
      done,
      Array.from({ length: 50 }, (_, index) => index),
    )
  })
})

test('the log of the proxy is emptied into one other file when it has grown too large', t => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const log = join(folder, 'proxy.log')
  capLog(log)
  writeFileSync(log, 'x'.repeat(1000))
  capLog(log)
  assert.equal(statSync(log).size, 1000)
  writeFileSync(log, 'x'.repeat(5_000_001))
  const { ino } = statSync(log)
  capLog(log)
  assert.deepEqual([statSync(log).size, statSync(log).ino, statSync(`${log}.1`).size], [0, ino, 5_000_001])
})
