import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inBatches, longestBatchMs } from '../../src/engine/batches.ts'

/** The sizes that were asked for, where a row costs so many milliseconds and there are so many. */
async function sizes(rows: number, msPerRow: number): Promise<{ sizes: number[]; longestMs: number; breaths: number }> {
  let [now, left, breaths, longestMs] = [0, rows, 0, 0]
  const asked: number[] = []
  const breathe = async (): Promise<void> => void breaths++
  await inBatches({ now: () => now, breathe }, async limit => {
    asked.push(limit)
    const took = Math.min(limit, left) * msPerRow
    now += took
    longestMs = Math.max(longestMs, took)
    left -= Math.min(limit, left)
    return left > 0 ? 'more' : 'done'
  })
  return { sizes: asked, longestMs, breaths }
}

test('batches grow while they are quick, up to a thousand rows, with a breath between them', async () => {
  const { sizes: asked, breaths } = await sizes(5_000, 0.001)
  assert.deepEqual(asked, [25, 50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000])
  assert.equal(breaths, asked.length - 1)
})

test('batches shrink where a row takes long, and do not grow beyond what they may take', async () => {
  const slow = await sizes(200, 4)
  assert.deepEqual(slow.sizes.slice(0, 3), [25, 12, 12])
  for (const msPerRow of [0.01, 0.1, 0.5, 1]) {
    const { longestMs } = await sizes(20_000, msPerRow)
    assert.ok(longestMs <= longestBatchMs, `${longestMs} ms with rows of ${msPerRow} ms`)
  }
})
