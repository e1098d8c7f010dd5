import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { placeOf } from '../../src/router/proxy/place.ts'
import { stopProxy } from '../../src/router/proxy/router.ts'
import { backupOf } from '../support/backup.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { replicaFiles } from '../support/records.ts'
import { web } from '../support/services.ts'
import { until } from '../support/until.ts'

describe('routes of an instance that does not live', () => {
  let machine: Machine
  const warned: unknown[] = []
  const log = { info: () => {}, warn: (data: object, text: string) => void warned.push({ ...data, text }) }
  before(async () => {
    machine = await startMachine({ log })
  })
  after(() => machine.dispose())

  test('are forgotten when it is deleted, and keep no other from its name', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const copy = join(machine.dataDir, 'proxy.copy')
    const { state } = placeOf(machine.dataDir)
    await cp(state, copy, { recursive: true })
    await tenant.done(await tenant.acting.instances.delete(shop.id))
    await machine.reopen(async () => {
      await stopProxy(machine.dataDir)
      await rm(state, { recursive: true })
      await cp(copy, state, { recursive: true })
    })
    const { router } = machine.slipway
    await until('they are gone', async () => (await router.observe(shop.id)) === undefined)
    await tenant.up([web(await machine.server('2'))])
    assert.equal((await tenant.ask()).told().version, '2')
  })

  test('serve on when the database does not know it, until an instance is to have what they hold', async () => {
    const tenant = machine.tenant()
    const backup = backupOf(join(machine.dataDir, 'slipway.db'))
    const shop = await tenant.up([web(await machine.server('1'))])
    const replicas = replicaFiles(machine.dataDir, shop.id)
    await machine.reopen(() => backup.putBack())
    const text = 'an instance is routed that the database does not know; it serves on'
    await until('it is noticed', () => warned.some(one => isDeepStrictEqual(one, { instance: shop.id, text })))
    assert.equal((await tenant.ask()).told().version, '1')
    await tenant.up([web(await machine.server('2'))])
    assert.equal((await tenant.ask()).told().version, '2')
    assert.equal(await machine.slipway.router.observe(shop.id), undefined)
    // Nobody watches its replicas, so nobody else ends them.
    for (const { pid } of replicas) process.kill(-pid, 'SIGKILL')
  })
})
