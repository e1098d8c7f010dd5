import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { Json } from '../server/world.ts'
import { loadOn } from '../support/load.ts'
import { startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'
import { until } from '../support/until.ts'

test('what a canary was set to and what it got is kept: it agrees, goes on when the control plane is killed, and its checks are told', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const tenant = machine.tenant()
  const { secret } = await tenant.acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
  const shop = await tenant.up([web(await machine.server('1'), { replicas: 2 })])
  const image = await machine.server('2')
  const load = await loadOn(t, machine, tenant, { rps: 200, slowPerSecond: 0 })
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  let id = ''
  let killedAt = 0
  await machine.reopen(async () => {
    const doomed = await startServer(t, machine.dataDir)
    const read = async (path: string) => (await (await fetch(doomed.url + path, { headers })).json()) as Json
    const checks = [{ type: 'errors', maxRate: 0.5, minRequests: 1 }]
    const answer = await fetch(`${doomed.url}/v1/instances/${shop.id}/deployments`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        services: [{ name: 'web', image }],
        strategy: 'canary',
        options: { steps: [{ weight: 25, holdSeconds: 5, checks }], keepWarmSeconds: 0 },
      }),
    })
    ;({ id } = (await answer.json()) as { id: string })
    await until('two looks at the canary', async () => {
      const { services } = await read(`/v1/deployments/${id}/traffic`)
      const fresh = services[0]?.revisions.find((one: { side: string }) => one.side === 'new')
      return fresh?.actual.filter((point: { weight: number }) => point.weight > 0).length >= 2
    })
    const now = await read(`/v1/deployments/${id}`)
    assert.equal(now.traffic.web.set, 25)
    assert.ok(Math.abs(now.traffic.web.actual - 25) < 10, `${now.traffic.web.actual} %`)
    assert.deepEqual(now.replicas.web, { old: { ready: 2, want: 2 }, new: { ready: 1, want: 1 } })
    assert.equal(now.eta, undefined)
    await doomed.kill()
    killedAt = Date.now()
  })
  await tenant.done({ id })
  await load.stop()
  const { history } = tenant.acting
  const { services, checks } = await history.chart(id)
  const [old, fresh] = services[0]?.revisions ?? []
  assert.deepEqual(
    fresh?.set.map(point => point.weight),
    [25, 100],
  )
  assert.deepEqual(
    old?.set.map(point => point.weight),
    [100, 75, 0],
  )
  const [from = '', to = ''] = fresh?.set.map(point => point.at) ?? []
  const inside = fresh?.actual.filter(
    ({ at, seconds }) => Date.parse(at) - seconds * 1000 > Date.parse(from) + 200 && at < to,
  )
  assert.ok(inside && inside.length >= 3, JSON.stringify(fresh))
  for (const { weight } of inside) assert.ok(Math.abs(weight - 25) < 10, `${weight} %`)
  assert.ok(inside.some(({ at }) => Date.parse(at) < killedAt))
  assert.ok(inside.some(({ at }) => Date.parse(at) > killedAt))
  const values = checks[0]?.values ?? []
  assert.ok(values.length >= 2)
  assert.deepEqual(new Set(values.map(({ verdict }) => verdict)), new Set(['pass']))
  assert.ok(values.some(({ value, threshold, samples }) => value === 0 && threshold === 0.5 && (samples ?? 0) > 0))

  const timeline = await history.timeline(id)
  assert.ok((timeline.spentMs.hold ?? 0) >= 5000)
  assert.deepEqual(
    timeline.lanes.map(lane => lane.service),
    [undefined, 'web'],
  )
})

async function startServer(t: TestContext, dataDir: string): Promise<{ url: string; kill(): Promise<void> }> {
  const child = fork(new URL('../server/process.ts', import.meta.url), [dataDir], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const [url] = (await once(child, 'message')) as [string]
  return {
    url,
    async kill() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
