import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import { runningProcess } from '../../src/router/proxy/find.ts'
import { type Place, placeOf } from '../../src/router/proxy/place.ts'
import { isRunning } from '../../src/router/proxy/running.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { web } from '../support/services.ts'

describe('a whole Slipway whose proxy dies, loses its tables, or stands still', () => {
  let machine: Machine
  let place: Place
  const images = { one: '', two: '', three: '' }
  before(async () => {
    machine = await startMachine()
    place = placeOf(machine.dataDir)
    for (const name of ['one', 'two', 'three'] as const) images[name] = await machine.server(name)
  })
  after(() => machine.dispose())

  const proxyPid = (): number => {
    const pid = runningProcess(place)?.pid
    assert.ok(pid !== undefined)
    return pid
  }
  const kill = async (): Promise<void> => {
    const pid = proxyPid()
    process.kill(pid, 'SIGKILL')
    while (isRunning(pid)) await new Promise(resolve => setImmediate(resolve))
  }
  const shop = async (): Promise<[Tenant, Instance]> => {
    const tenant = machine.tenant()
    return [tenant, await tenant.up([web(images.one, { replicas: 2 })])]
  }
  /** How long it takes until the shop answers in that version, ms. */
  const serves = async (tenant: Tenant, version: string): Promise<number> => {
    const from = performance.now()
    for (;;) {
      const got = await tenant.ask().catch(() => undefined)
      if (got?.status === 200 && got.told().version === version) return performance.now() - from
      assert.ok(performance.now() - from < 20_000, `no ${version}: ${got?.status} ${got?.body}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  test('tables that were all deleted while nothing ran are fed again when the control plane starts', async t => {
    const shops = [await shop(), await shop()]
    await machine.reopen(async () => {
      await kill()
      rmSync(place.tables, { recursive: true })
    })
    for (const [tenant] of shops) t.diagnostic(`fed after ${Math.round(await serves(tenant, 'one'))} ms`)
    assert.equal((await machine.slipway.router.check()).ok, true)
  })

  test('a folder of the proxy that is gone changes no port: the shared one is kept in the store too', async () => {
    const [tenant, { urls }] = await shop()
    const { front } = machine.slipway
    await machine.reopen(async () => {
      await kill()
      rmSync(place.state, { recursive: true })
    })
    assert.deepEqual(machine.slipway.front, front)
    await serves(tenant, 'one')
    const { port } = new URL(urls['web'] ?? '')
    assert.equal((await ask({ host: '127.0.0.1', port: Number(port) }, 'localhost')).told().version, 'one')
  })

  test('a shared port that somebody else has when the proxy is back is opened once it is free', async t => {
    const [tenant] = await shop()
    const { front } = machine.slipway
    const stranger = createServer()
    t.after(() => stranger.close())
    await machine.reopen(async () => {
      await kill()
      rmSync(place.state, { recursive: true })
      await once(stranger.listen(front.port, front.host), 'listening')
    })
    assert.deepEqual(machine.slipway.front, front)
    assert.match((await machine.slipway.router.check()).message, new RegExp(`port ${front.port} is not open`))
    stranger.close()
    await serves(tenant, 'one')
  })

  test('a table that is torn when the proxy dies under a living control plane is fed again at once, the others serve', async t => {
    const [[torn, instance], [whole]] = [await shop(), await shop()]
    const file = join(place.tables, `${instance.id}.json`)
    truncateSync(file, 30)
    await kill()
    t.diagnostic(`the whole one answered after ${Math.round(await serves(whole, 'one'))} ms`)
    t.diagnostic(`and the torn one ${Math.round(await serves(torn, 'one'))} ms later`)
    assert.ok(readFileSync(file, 'utf8').endsWith('}'))
  })

  test('a folder of the proxy that is older than what the database says is brought up to it', async () => {
    const [tenant, { id: instanceId }] = await shop()
    const backup = join(machine.dataDir, 'backup')
    cpSync(place.tables, backup, { recursive: true })
    const services = [{ name: 'web', image: images.two }]
    await tenant.done(await tenant.acting.deploy({ instanceId, services, strategy: 'rolling' }))
    await machine.reopen(async () => {
      await kill()
      rmSync(place.tables, { recursive: true })
      cpSync(backup, place.tables, { recursive: true })
    })
    await serves(tenant, 'two')
    const table = await machine.slipway.router.observe(instanceId)
    assert.ok(table)
    const status = await tenant.acting.status(instanceId)
    assert.deepEqual(
      Object.keys(table.services['web']?.revisions ?? {}),
      status.table.map(row => row.revision),
    )
  })

  test('stopped for 3 s in the middle of a canary it loses nothing, and the canary goes its way', async t => {
    const [tenant, { id: instanceId }] = await shop()
    const load = await loadOn(t, machine, tenant)
    const deployment = await tenant.acting.deploy({
      instanceId,
      services: [{ name: 'web', image: images.three }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, holdSeconds: 2, checks: [{ type: 'errors', maxRate: 0.01 }] }] },
    })
    await load.until(stats => (stats.versions['web']?.['three'] ?? 0) > 0)
    const pid = proxyPid()
    process.kill(pid, 'SIGSTOP')
    // The length of the stop is what is tried here.
    await new Promise(resolve => setTimeout(resolve, 3000))
    process.kill(pid, 'SIGCONT')
    assert.equal((await tenant.done(deployment)).state, 'succeeded')
    assert.equal(proxyPid(), pid)
    assertNothingLost(await load.stop())
    const events = await machine.slipway.store.events.read({ after: 0, limit: 1000, instanceId })
    assert.deepEqual(
      events.filter(({ type }) => type === 'instance.healed'),
      [],
    )
    const { table } = await tenant.acting.status(instanceId)
    assert.deepEqual(
      table.filter(row => row.weight > 0).map(row => [row.replicas, row.weight]),
      [[2, 100]],
    )
  })
})
