import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Event } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { runningProcess } from '../../src/router/proxy/find.ts'
import { placeOf } from '../../src/router/proxy/place.ts'
import { isRunning } from '../../src/router/proxy/running.ts'
import { startDoomed } from '../support/doomed.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { replicaFiles } from '../support/records.ts'
import { servingOf } from '../support/routes.ts'
import { web, worker } from '../support/services.ts'
import { until } from '../support/until.ts'

/** Ten times the reach, milliseconds: what is not back by then is stuck, not slow. */
const stuckAfterMs = 20_000

describe('an instance that nobody deploys to', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    shop = await tenant.up([web(await machine.server('1'), { replicas: 2 }), worker(await machine.worker('1'))])
    await until('both are routed', async () => (await servingOf(machine.slipway, shop)).length === 2)
  })
  after(() => machine.dispose())

  test('gets a replica whose processes were killed back, ready and routed', async t => {
    const { ms, healed } = await killed('web', record => process.kill(-record.pid, 'SIGKILL'))
    t.diagnostic(`back after ${ms} ms`)
    assert.equal(healed.because, 'vanished')
  })

  test('gets one whose program was killed back, and says by which signal', async t => {
    const { pid } = (await tenant.ask()).told()
    const { ms, healed } = await killed('web', () => process.kill(pid, 'SIGKILL'))
    t.diagnostic(`back after ${ms} ms`)
    assert.deepEqual([healed.because, healed.signal], ['killed', 9])
  })

  test('gets a worker back', async t => {
    const { ms } = await killed('worker', record => process.kill(-record.pid, 'SIGKILL'))
    t.diagnostic(`back after ${ms} ms`)
  })

  test('gets one back that an earlier control plane started, and whose end no event tells', async t => {
    await machine.reopen()
    await until('both are routed', async () => (await servingOf(machine.slipway, shop)).length === 2)
    const { ms } = await killed('web', record => process.kill(-record.pid, 'SIGKILL'))
    t.diagnostic(`back after ${ms} ms`)
  })

  test('gets a proxy that was killed back, and answers through it again', async t => {
    const { pid } = runningProcess(placeOf(machine.dataDir)) ?? assert.fail('no proxy runs')
    const began = performance.now()
    process.kill(pid, 'SIGKILL')
    await until('it is gone', () => !isRunning(pid))
    await until('the front answers', async () =>
      tenant.ask().then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
    const ms = Math.round(performance.now() - began)
    t.diagnostic(`back after ${ms} ms`)
    assert.ok(ms < stuckAfterMs, `${ms} ms`)
  })

  test('answers while its control plane is killed, and gets back what died until that is started again', async t => {
    const load = await loadOn(t, machine, tenant, { rps: 50, slowPerSecond: 2 })
    await machine.reopen(async () => {
      const first = await startDoomed(machine.dataDir, tenant.id)
      t.after(() => first.kill())
      await first.kill()
      const [victim] = replicaFiles(machine.dataDir, shop.id).filter(({ service }) => service === 'worker')
      process.kill(-(victim ?? assert.fail('no worker runs')).pid, 'SIGKILL')
      const began = performance.now()
      const next = await startDoomed(machine.dataDir, tenant.id)
      t.after(() => next.kill())
      // Whoever waits for a word of it is told of its end.
      const stuck = setTimeout(() => void next.kill(), stuckAfterMs)
      const { data } = await next.until(({ type }) => type === 'instance.healed').finally(() => clearTimeout(stuck))
      const ms = Math.round(performance.now() - began)
      t.diagnostic(`at work after ${ms} ms`)
      assert.equal(data?.['service'], 'worker')
      await next.kill()
    })
    assertNothingLost(await load.stop())
  })

  test('answers meanwhile through those that are left', async t => {
    const load = await loadOn(t, machine, tenant, { rps: 50, slowPerSecond: 0 })
    await killed('web', record => process.kill(-record.pid, 'SIGKILL'))
    await load.until(stats => stats.answered > 25)
    const report = await load.stop()
    assert.equal(report.inFlight, 0)
    // What was under way in the killed process is lost with it: at 50 requests a second one or two, on a slow machine some more.
    assert.ok(report.lost <= 25, JSON.stringify(report.losses))
    assert.ok(report.answered > 25)
  })

  /** Kills one of a service, waits until its successor does what it did, and tells how that was told. */
  async function killed(
    service: string,
    kill: (record: { readonly pid: number }) => void,
  ): Promise<{ ms: number; healed: { because: string; signal?: number } }> {
    const { events } = machine.slipway.store
    const from = await events.lastSeq()
    const before = replicaFiles(machine.dataDir, shop.id).filter(record => record.service === service)
    const [victim] = before
    assert.ok(victim)
    const began = performance.now()
    kill(victim)
    let told: Event | undefined
    await until('it is told and back', async () => {
      const found = await events.read({ after: from, limit: 10, instanceId: shop.id, types: ['instance.healed'] })
      told = found[0]
      if (!told || service === 'worker') return told !== undefined
      const successor = told.data?.['replica']
      const records = replicaFiles(machine.dataDir, shop.id)
      const serving = await servingOf(machine.slipway, shop, service)
      return serving.length === 2 && records.some(({ id, name }) => name === successor && serving.includes(id))
    })
    const ms = Math.round(performance.now() - began)
    assert.ok(ms < stuckAfterMs, `${ms} ms`)
    const { data } = told as unknown as { data: { replaces: { because: string; signal?: number; replica: string } } }
    assert.ok(before.some(({ name }) => name === data.replaces.replica))
    return { ms, healed: data.replaces }
  }
})
