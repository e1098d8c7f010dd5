import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Backup, backupOf } from '../support/backup.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { groupsOf } from '../support/processes.ts'
import { type ReplicaFile, replicaFiles } from '../support/records.ts'
import { servingOf } from '../support/routes.ts'
import { routed, web, worker } from '../support/services.ts'
import { until } from '../support/until.ts'

describe('a backup of the database is put back after two more deploys', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    shop = await tenant.up([
      web(await machine.server('1'), { replicas: 2 }),
      routed('api', await machine.server('api')),
      worker(await machine.worker('1')),
    ])
  })
  after(() => machine.dispose())

  test('under load: nothing is lost, nothing is removed until it is adopted, and then exactly what is stored runs', async t => {
    const load = await loadOn(t, machine, tenant)
    const backup: Backup = backupOf(join(machine.dataDir, 'slipway.db'))
    for (const version of ['2', '3']) {
      const services = [
        { name: 'web', image: await machine.server(version) },
        { name: 'worker', image: await machine.worker(version) },
      ]
      await tenant.done(
        await tenant.acting.deploy({
          instanceId: shop.id,
          services,
          strategy: 'blue-green',
          options: { keepWarmSeconds: 0 },
        }),
      )
    }
    const running = ids(machine, shop)
    await machine.reopen(() => backup.putBack())

    await until('it is noticed', async () => (await tenant.acting.instances.get(shop.id)).needsAttention !== undefined)
    const [release] = await tenant.releases(shop)
    assert.deepEqual([release?.version, (await tenant.releases(shop)).length], [1, 1], 'the database is the old one')
    await assert.rejects(
      tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'web', image: await machine.server('4') }] }),
      error => isSlipwayError(error, 'needs_attention'),
    )
    const { replicas } = await tenant.acting.status(shop.id)
    assert.deepEqual(
      new Set(replicas.filter(({ unwanted }) => unwanted).map(({ service }) => service)),
      new Set(['web', 'worker']),
    )

    // What serves and is known is healed meanwhile, and only that.
    const [api] = replicaFiles(machine.dataDir, shop.id).filter(({ service }) => service === 'api')
    assert.ok(api)
    process.kill(-api.pid, 'SIGKILL')
    await until('the api is back', async () => {
      const [serving] = await servingOf(machine.slipway, shop, 'api')
      return serving !== undefined && serving !== api.id
    })
    assert.equal((await tenant.ask()).told().version, '3')
    assert.deepEqual(
      running.filter(id => id !== api.id && !ids(machine, shop).includes(id)),
      [],
      'nothing was removed',
    )

    const { leaves } = await tenant.acting.instances.adopt(shop.id)
    assert.deepEqual(new Set(leaves?.map(name => name.split('.')[0])), new Set(['web', 'worker']))
    const { table } = await tenant.acting.status(shop.id)
    await until('what the table wants runs', () => {
      const there = replicaFiles(machine.dataDir, shop.id)
      return there.length === 4 && table.every(row => countOf(row, there) === row.replicas)
    })
    await until('all of it is routed', async () => (await servingOf(machine.slipway, shop)).length === 3)
    assert.equal((await tenant.ask()).told().version, '1')
    assertNothingLost(await load.stop())
    assert.deepEqual(
      (await tenant.acting.status(shop.id)).replicas.filter(({ unwanted }) => unwanted),
      [],
    )
    await until('no stray is left', () => groupsOf(machine.dataDir).size === 4 + 1)
    assert.equal('needsAttention' in (await tenant.acting.instances.get(shop.id)), false)

    const next = await tenant.acting.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: await machine.server('5') }],
    })
    await tenant.done(next)
    assert.equal((await tenant.ask()).told().version, '5')
  })
})

describe('a backup of the database is put back that was taken while one lease carried several deployments', () => {
  let machine: Machine
  before(async () => void (machine = await startMachine()))
  after(() => machine.dispose())

  test('what was asked for after it serves on, and nothing is removed, until it is adopted', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const to = async (version: string) => ({
      instanceId: shop.id,
      services: [{ name: 'web', image: await machine.server(version) }],
      options: { keepWarmSeconds: 0 },
    })
    const watched = { steps: [50], holdSeconds: 2, keepWarmSeconds: 0 }
    const canary = await tenant.acting.deploy({ ...(await to('2')), strategy: 'canary', options: watched })
    await tenant.reach(canary, now => now.reason?.code === 'baking')
    const backup = backupOf(join(machine.dataDir, 'slipway.db'))
    const next = await tenant.acting.deploy({ ...(await to('3')), strategy: 'blue-green' })
    for (const deployment of [canary, next]) await tenant.done(deployment)
    const running = ids(machine, shop)
    await machine.reopen(() => backup.putBack())

    await until('it is noticed', async () => (await tenant.acting.instances.get(shop.id)).needsAttention !== undefined)
    assert.equal((await tenant.acting.getDeployment(canary.id)).state, 'running', 'the database is the old one')
    assert.deepEqual(ids(machine, shop), running)
    assert.equal((await tenant.ask()).told().version, '3')

    await tenant.acting.instances.adopt(shop.id)
    await tenant.done(canary)
    assert.equal((await tenant.ask()).told().version, '2')
    await until('what is not wanted is gone', () => replicaFiles(machine.dataDir, shop.id).length === 1)
  })
})

function ids(machine: Machine, shop: Instance): string[] {
  return replicaFiles(machine.dataDir, shop.id).map(({ id }) => id)
}

function countOf(row: { readonly service: string; readonly revision: string }, there: readonly ReplicaFile[]): number {
  return there.filter(({ name }) => name.startsWith(`${row.service}.${row.revision}.`)).length
}
