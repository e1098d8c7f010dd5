import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestamp } from '../../src/clock.ts'
import type { HealthSpan } from '../../src/deploy/history.ts'
import { healthHistory } from '../../src/instance/uptime.ts'

const now = Date.UTC(2026, 10, 23, 12)
const minuteMs = 60_000
const ago = (minutes: number) => timestamp(now - minutes * minuteMs)
const instanceId = 'inst_1'

test('health is cut into buckets that end now: each tells what part of it was how', () => {
  const spans: HealthSpan[] = [
    { instanceId, health: 'ready', from: ago(96), until: ago(10.5) },
    { instanceId, health: 'down', from: ago(10.5), until: ago(10) },
    { instanceId, health: 'ready', from: ago(10) },
    { instanceId, service: 'web', health: 'ready', from: ago(48) },
  ]
  const told = healthHistory(instanceId, spans, [{ from: ago(96), until: ago(0) }], 96 * minuteMs, now)
  assert.equal(told.bucketMs, minuteMs)
  assert.equal(told.buckets.length, 96)
  assert.deepEqual(told.buckets[84], { from: ago(12), shares: { ready: 1 } })
  assert.deepEqual(told.buckets[85], { from: ago(11), shares: { ready: 0.5, down: 0.5 } })
  assert.deepEqual(
    told.services.map(({ service, shares }) => [service, shares]),
    [['web', { ready: 0.5, unknown: 0.5 }]],
  )
})

test('time in which no control plane watched is unknown, whatever was true when the last one left', () => {
  const spans: HealthSpan[] = [{ instanceId, health: 'ready', from: ago(1000) }]
  const watches = [
    { from: ago(1000), until: ago(60) },
    { from: ago(70), until: ago(48) },
    { from: ago(24), until: ago(0) },
  ]
  const { shares, buckets } = healthHistory(instanceId, spans, watches, 96 * minuteMs, now)
  assert.deepEqual(shares, { ready: 0.75, unknown: 0.25 })
  assert.deepEqual([buckets[47]?.shares, buckets[48]?.shares], [{ ready: 1 }, { unknown: 1 }])
})

test('parts of every bucket add up to 1, and one of nothing is unknown', () => {
  const { buckets } = healthHistory(instanceId, [], [], 24 * 60 * minuteMs, now)
  assert.deepEqual(new Set(buckets.map(({ shares }) => JSON.stringify(shares))), new Set(['{"unknown":1}']))
})
