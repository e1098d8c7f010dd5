import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Check } from '../../src/deploy/step.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { type CheckContext, runCheck, validateCheck } from '../../src/health/checks.ts'
import { percentileMs, trafficDelta } from '../../src/health/delta.ts'
import { judge, type Observed } from '../../src/health/judge.ts'

const bounds = [10, 100, 1000]

function traffic(requests: number, errors = 0, latencyCounts = [requests, 0, 0, 0]) {
  return { requests, errors, latencyBoundsMs: bounds, latencyCounts }
}

function context(observed: Record<string, Observed> = {}, signal = new AbortController().signal): CheckContext {
  return { tenantId: 'acme', instanceId: 'inst_1', deploymentId: 'dep_1', traffic: observed, signal }
}

test('an error rate above the limit fails with the figures, one at the limit passes', () => {
  const check = { type: 'errors', maxRate: 0.01 } as const
  const failed = judge(check, { new: traffic(500, 10) })
  assert.deepEqual([failed.verdict, failed.value, failed.threshold], ['fail', 0.02, 0.01])
  assert.equal(
    failed.text,
    'The error rate of the new revision is 2 % over 500 requests, more than the 1 % that the check allows.',
  )
  assert.equal(judge(check, { new: traffic(500, 5) }).verdict, 'pass')
})

test('a relative limit compares with the old revision', () => {
  const errors = { type: 'errors', maxRateAboveOld: 0.01 } as const
  assert.equal(judge(errors, { new: traffic(100, 5), old: traffic(100, 5) }).verdict, 'pass')
  assert.equal(judge(errors, { new: traffic(100, 5), old: traffic(100, 3) }).verdict, 'fail')
  const latency = { type: 'latency', maxP95Ratio: 2 } as const
  const [fast, slow] = [traffic(100, 0, [100, 0, 0, 0]), traffic(100, 0, [0, 0, 100, 0])]
  assert.equal(judge(latency, { new: slow, old: fast }).verdict, 'fail')
  assert.equal(judge(latency, { new: slow, old: slow }).verdict, 'pass')
})

test('too little traffic passes on health alone and says so, or waits when the check says so', () => {
  const check = { type: 'errors', maxRate: 0.01 } as const
  const passed = judge(check, { new: traffic(19, 19) })
  assert.equal(passed.verdict, 'pass')
  assert.match(passed.text, /19 requests of 20.*health alone/u)
  assert.equal(judge({ ...check, wait: true }, { new: traffic(19, 19) }).verdict, 'wait')
  assert.equal(judge({ ...check, minRequests: 5 }, { new: traffic(5, 1) }).verdict, 'fail')
  assert.equal(judge({ type: 'errors', maxRateAboveOld: 0, wait: true }, { new: traffic(50) }).verdict, 'wait')
})

test('a limit that fails counts more than one that can not be measured yet', () => {
  const check = { type: 'errors', maxRate: 0.01, maxRateAboveOld: 0.01, wait: true } as const
  assert.equal(judge(check, { new: traffic(100, 50), old: traffic(1) }).verdict, 'fail')
})

test('p95 is read from the histogram, and is infinite beyond its last bound', () => {
  assert.equal(percentileMs(traffic(100, 0, [90, 10, 0, 0]), 0.95), 55)
  assert.equal(percentileMs(traffic(100, 0, [95, 5, 0, 0]), 0.95), 10)
  assert.equal(percentileMs(traffic(100, 0, [0, 0, 0, 100]), 0.95), Number.POSITIVE_INFINITY)
  assert.equal(percentileMs(traffic(0), 0.95), undefined)
  const failed = judge({ type: 'latency', maxP95Ms: 5000 }, { new: traffic(100, 0, [0, 0, 0, 100]) })
  assert.equal(failed.verdict, 'fail')
  assert.match(failed.text, /over 1000 ms/u)
})

test('what was counted between two looks is the difference, or everything after the router forgot', () => {
  assert.deepEqual(trafficDelta(traffic(10, 1), traffic(30, 4)), traffic(20, 3))
  assert.deepEqual(trafficDelta(traffic(100, 1), traffic(30, 4)), traffic(30, 4))
  assert.deepEqual(trafficDelta(undefined, traffic(30, 4)), traffic(30, 4))
  assert.equal(trafficDelta(traffic(10), undefined).requests, 0)
})

test('a check covers every service that moves: one that fails is named', async () => {
  const observed = { web: { new: traffic(100) }, api: { new: traffic(100, 50) } }
  const judged = await runCheck({ type: 'errors', maxRate: 0.01 }, context(observed))
  assert.equal(judged.verdict, 'fail')
  assert.match(judged.text, /^api: /u)
  assert.equal((await runCheck({ type: 'errors', maxRate: 0.01 }, context())).verdict, 'pass')
})

test('a URL check wants 2xx in time', async t => {
  const server = createServer((request, response) => {
    if (request.url === '/late') return
    response.writeHead(request.url === '/ok' ? 200 : 500).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const verdict = async (path: string) => await runCheck({ type: 'http', url: base + path, timeoutMs: 100 }, context())
  assert.equal((await verdict('/ok')).verdict, 'pass')
  assert.match((await verdict('/bad')).text, /answered 500/u)
  assert.match((await verdict('/late')).text, /not answered within 100 ms/u)
  assert.match((await runCheck({ type: 'http', url: 'http://127.0.0.1:1/' }, context())).text, /not answered: /u)
})

test('a function fails the step by a sentence, by throwing, or by not being there', async () => {
  const functions = {
    fine: async () => undefined,
    sad: async ({ instanceId }: CheckContext) => `${instanceId} has no orders`,
    broken: () => Promise.reject(new Error('boom')),
    endless: () => new Promise<never>(() => {}),
  }
  const run = (name: string, signal?: AbortSignal) =>
    runCheck({ type: 'function', name }, context({}, signal), functions)
  assert.equal((await run('fine')).verdict, 'pass')
  assert.deepEqual(await run('sad'), { verdict: 'fail', text: 'sad: inst_1 has no orders' })
  assert.deepEqual(await run('broken'), { verdict: 'fail', text: 'broken threw: boom' })
  assert.equal((await run('toString')).verdict, 'fail')
  await assert.rejects(run('endless', AbortSignal.timeout(10)), /timeout/u)
})

test('checks that measure nothing or can not be carried out are refused', () => {
  const bad: Check[] = [
    { type: 'errors' },
    { type: 'errors', maxRate: Number.NaN },
    { type: 'latency' },
    { type: 'latency', maxP95Ms: -1 },
    { type: 'http', url: 'shop/healthz' },
    { type: 'function', name: 'nobody' },
  ]
  for (const check of bad) {
    assert.throws(
      () => validateCheck(check),
      error => isSlipwayError(error, 'bad_options') && error.next !== undefined,
    )
  }
  validateCheck({ type: 'function', name: 'fine' }, { fine: async () => undefined })
})
