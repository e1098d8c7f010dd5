import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { listenTo } from '../server/listener.ts'
import type { Json } from '../server/world.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'

const asking = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' }

test('a deployment that outlives its process is one span with one for each step, linked to the request that asked for it', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const { acting, ...tenant } = machine.tenant()
  const { secret } = await acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
  const shop = await tenant.up([web(await machine.server('1'))])
  const image = await machine.server('2')
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  const until = async (url: string, id: string, type: string): Promise<void> => {
    const listener = await listenTo(`${url}/v1/events/stream?deployment_id=${id}&after=0`, headers)
    await listener.until(({ data }) => data.type === type)
    listener.cut()
  }
  let asked: Json
  let before: Json[] = []
  let after: Json[] = []
  await machine.reopen(async () => {
    const first = await startTraced(t, machine)
    const body = JSON.stringify({
      services: [{ name: 'web', image }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, pause: true, holdSeconds: 0 }], keepWarmSeconds: 0 },
    })
    const answer = await fetch(`${first.url}/v1/instances/${shop.id}/deployments`, {
      method: 'POST',
      headers: { ...headers, traceparent: `00-${asking.trace}-${asking.span}-01` },
      body,
    })
    asked = await answer.json()
    await until(first.url, asked.id, 'deploy.paused')
    before = await first.kill()
    const second = await startTraced(t, machine)
    await fetch(`${second.url}/v1/deployments/${asked.id}/promote`, { method: 'POST', headers, body: '{}' })
    await until(second.url, asked.id, 'deploy.succeeded')
    await second.told(({ name }) => name === 'deployment deploy')
    after = await second.kill()
  })

  const request = before.find(({ name }) => name === 'POST /v1/instances/{id}/deployments')
  assert.deepEqual([request.traceId, request.parent], [asking.trace, asking.span])
  assert.equal(request.attributes['http.response.status_code'], 202)
  assert.equal(request.attributes['http.route'], '/v1/instances/{id}/deployments')

  const [span, ...more] = [...before, ...after].filter(({ attributes }) => attributes['deployment.id'] === asked.id)
  assert.equal(more.length, 0)
  assert.deepEqual(
    span.links.map(({ context }: Json) => [context.traceId, context.spanId]),
    [[asking.trace, request.spanId]],
  )
  assert.equal(span.attributes['deployment.status'], 'succeeded')
  const recorded = await machine.slipway.store.work.steps(asked.id)
  const steps = after.filter(({ parent, traceId }) => parent === span.spanId && traceId === span.traceId)
  assert.deepEqual(
    steps.map(({ attributes }) => attributes['slipway.step.name']),
    recorded.map(({ step }) => step.name),
  )
  assert.deepEqual(
    steps.map(({ startTime, endTime }) => [startTime, endTime].map(millisecondsOf)),
    recorded.map(({ beganAt, endedAt = '' }) => [Date.parse(beganAt), Date.parse(endedAt)]),
  )
})

function millisecondsOf([seconds, nanoseconds]: [number, number]): number {
  return Math.round(seconds * 1000 + nanoseconds / 1e6)
}

interface Traced {
  readonly url: string
  /** Resolves when a span like this was told. */
  told(is: (span: Json) => boolean): Promise<void>
  /** Kills it, and tells the spans it told. */
  kill(): Promise<Json[]>
}

async function startTraced(t: TestContext, { dataDir }: Machine): Promise<Traced> {
  const child = fork(new URL('./traced.ts', import.meta.url), [dataDir], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const [{ url }] = (await once(child, 'message')) as [Json]
  const spans: Json[] = []
  child.on('message', span => spans.push(span))
  return {
    url,
    async told(is) {
      const signal = AbortSignal.timeout(30_000)
      while (!spans.some(is)) await once(child, 'message', { signal })
    },
    async kill() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      return spans
    },
  }
}
