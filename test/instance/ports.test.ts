import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startMachine } from '../support/machine.ts'
import { lanePorts } from '../support/ports.ts'
import { web } from '../support/services.ts'

test('what is routed and what runs gets its ports from the ranges that were given', async t => {
  const { routes, replicas } = lanePorts()
  const given = { routes: [routes[0], routes[0] + 99], replicas: [replicas[0], replicas[0] + 99] } as const
  const machine = await startMachine({ ports: given })
  t.after(() => machine.dispose())
  const tenant = machine.tenant()
  const { id, urls } = await tenant.up([web(await machine.server('1'))])
  const within = (port: number, [first, last]: readonly [number, number]) => port >= first && port <= last
  for (const port of [machine.slipway.front.port, Number(new URL(urls['web'] ?? '').port)])
    assert.ok(within(port, given.routes), `${port}`)
  const reserved = (await machine.slipway.store.work.reservations()).filter(({ purpose }) =>
    purpose.startsWith('replica:'),
  )
  assert.deepEqual(
    reserved.map(({ instanceId, port }) => [instanceId, within(port, given.replicas)]),
    [[id, true]],
  )
})
