import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Event } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Doomed, startDoomed } from '../support/doomed.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { groupsOf } from '../support/processes.ts'
import { web, worker } from '../support/services.ts'

/** A moment to be killed at, and how the deployment ends after it. */
interface Moment {
  readonly title: string
  readonly service?: 'worker'
  readonly strategy: string
  readonly options?: Record<string, unknown>
  /** The step that has just begun. */
  readonly at: string
  /** Cancelled at that step, and killed when the first step back has begun. */
  readonly undone?: true
  /** It waits to be promoted, before and after. */
  readonly waits?: true
}

const moments: readonly Moment[] = [
  { title: 'while a rolling starts a replica', strategy: 'rolling', at: 'run' },
  { title: 'while a rolling retires one', strategy: 'rolling', at: 'retire' },
  { title: 'while a blue-green switches', strategy: 'blue-green', options: { keepWarmSeconds: 0 }, at: 'route' },
  {
    title: 'while a canary is watched',
    strategy: 'canary',
    options: { steps: [50], holdSeconds: 0.5, keepWarmSeconds: 0 },
    at: 'hold',
  },
  { title: 'between the old and the new of a recreate', service: 'worker', strategy: 'recreate', at: 'retire' },
  {
    title: 'in a pause',
    strategy: 'blue-green',
    options: { preview: true, keepWarmSeconds: 0 },
    at: 'pause',
    waits: true,
  },
  {
    title: 'in an undo',
    strategy: 'canary',
    options: { steps: [50], holdSeconds: 3600, keepWarmSeconds: 0 },
    at: 'hold',
    undone: true,
  },
]

describe('7. The control plane killed at any moment: on restart each deployment goes on or ends, and nothing is lost meanwhile:', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    shop = await tenant.up([web(await machine.server('1'), { replicas: 2 }), worker(await machine.worker('1'))])
  })
  after(() => machine.dispose())

  for (const { title, service = 'web', strategy, options = {}, at, undone, waits } of moments) {
    test(title, async t => {
      const load = await loadOn(t, machine, tenant, { rps: 50, slowPerSecond: 2 })
      const image = await (service === 'web' ? machine.server(title) : machine.worker(title))
      const before = await tenant.acting.instances.get(shop.id)
      let id = ''
      await machine.reopen(async () => {
        const doomed = await startDoomed(machine.dataDir, tenant.id)
        t.after(() => doomed.kill())
        const request = { instanceId: shop.id, services: [{ name: service, image }], strategy, options }
        id = await doomed.order({ kind: 'deploy', request })
        await doomed.until(event => event.deploymentId === id && event.data?.['kind'] === at)
        if (undone) await cancelled(doomed, id)
        await doomed.kill()
      })
      if (waits) {
        assert.equal((await tenant.acting.getDeployment(id)).reason?.code, 'awaiting_promote')
        await tenant.acting.promote(id)
      }
      const ended = await tenant.end({ id })
      assert.equal(ended.state, undone ? 'cancelled' : 'succeeded', ended.error)
      assertNothingLost(await load.stop())

      const { currentReleaseId } = await tenant.acting.instances.get(shop.id)
      assert.equal(currentReleaseId, undone ? before.currentReleaseId : ended.releaseId)
      if (service === 'web') assert.equal((await tenant.ask()).told().version === title, !undone)
      await assertAsTheTable(machine, tenant, shop)
    })
  }
})

describe('8. A client that disconnects changes nothing about its rollout:', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  test('one that waits for the end and goes', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const services = [{ name: 'web', image: await machine.server('2', { listensAfterMs: 200 }) }]
    const asked = await tenant.acting.deploy({ instanceId: shop.id, services })
    const client = new AbortController()
    const waiting = tenant.acting.finished(asked.id, client.signal)
    for await (const { type } of tenant.acting.watch(asked.id, client.signal)) if (type === 'deploy.started') break
    client.abort()
    assert.equal((await waiting).state, 'running')
    await tenant.done(asked)
    assert.equal((await tenant.ask()).told().version, '2')
  })

  test('a process that asks for it and dies', async t => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const services = [{ name: 'web', image: await machine.server('2') }]
    let id = ''
    await machine.reopen(async () => {
      const doomed = await startDoomed(machine.dataDir, tenant.id, 'recorder')
      t.after(() => doomed.kill())
      id = await doomed.order({ kind: 'deploy', request: { instanceId: shop.id, services } })
      await doomed.kill()
    })
    const done = await tenant.done({ id })
    assert.equal(done.initiator, 'ana')
    assert.equal((await tenant.ask()).told().version, '2')
  })
})

async function cancelled(doomed: Doomed, deploymentId: string): Promise<void> {
  await doomed.order({ kind: 'cancel', deploymentId })
  await doomed.until((event: Event) => event.deploymentId === deploymentId && event.data?.['undo'] === true)
}

/** Asserts that exactly what the table wants is running, as the provider and the system see it. */
async function assertAsTheTable(machine: Machine, tenant: Tenant, { id }: Instance): Promise<void> {
  const { table, replicas } = await tenant.acting.status(id)
  const wanted = table.map(row => [row.revision, row.replicas])
  const there = table.map(row => [row.revision, replicas.filter(({ revision }) => revision === row.revision).length])
  assert.deepEqual(there, wanted)
  const total = table.reduce((sum, row) => sum + row.replicas, 0)
  assert.equal(replicas.length, total)
  assert.deepEqual(new Set(replicas.map(({ state }) => state)), new Set(['running']))
  // The command of a health check is a process too, for a moment; a stray would stay.
  const until = performance.now() + 3000
  while (groupsOf(machine.dataDir).size !== total + 1 && performance.now() < until) await delay(20)
  assert.equal(groupsOf(machine.dataDir).size, total + 1, 'the replicas and the proxy, and no stray')
}
