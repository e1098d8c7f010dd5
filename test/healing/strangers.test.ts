import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { type ReplicaFile, replicaFiles, replicaFolder } from '../support/records.ts'
import { servingOf } from '../support/routes.ts'
import { web } from '../support/services.ts'
import { until } from '../support/until.ts'

describe('a replica that another database started in the same data folder', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  let stranger: ChildProcess
  let record: ReplicaFile
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    shop = await tenant.up([web(await machine.server('1'), { replicas: 2 })])
    stranger = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
    await once(stranger, 'spawn')
    await machine.reopen(async () => {
      const [ours] = replicaFiles(machine.dataDir, shop.id)
      assert.ok(ours)
      const { pid = 0 } = stranger
      const name = ours.name.replace(/\d+$/u, '2')
      record = { ...ours, id: `${name}-00000000`, name, ...processOf(pid), storeId: 'store_other', epoch: 999 } as never
      writeFileSync(fileOf(machine, shop, record), JSON.stringify(record))
    })
    await until('both are routed', async () => (await servingOf(machine.slipway, shop)).length === 2)
  })
  after(async () => {
    const gone = once(stranger, 'exit')
    stranger.kill('SIGKILL')
    await gone
    await machine.reopen(async () => {
      // Its own database would; ours can't, and the instance is not deleted while it is there.
      rmSync(fileOf(machine, shop, record))
    })
    await machine.dispose()
  })

  test('is neither shown nor routed, and its epoch says nothing about ours', async () => {
    const { replicas, instance } = await tenant.acting.status(shop.id)
    assert.equal(replicas.length, 2)
    assert.ok(!replicas.some(({ id }) => id === record.id))
    assert.ok(!(await servingOf(machine.slipway, shop)).includes(record.id))
    assert.equal(instance.needsAttention, undefined)
  })

  test('is not counted when replicas are missing, and its name is not taken from it', async () => {
    await tenant.done(await tenant.acting.instances.scale(shop.id, { web: 4 }))
    const { replicas } = await tenant.acting.status(shop.id)
    assert.deepEqual(new Set(replicas.map(({ name }) => name.split('.').at(-1))), new Set(['0', '1', '3', '4']))
  })

  test('is never touched: not by a restart of everything, nor by a stop', async () => {
    await tenant.done(await tenant.acting.instances.restart(shop.id))
    await tenant.done(await tenant.acting.instances.stop(shop.id))
    assert.deepEqual([stranger.exitCode, stranger.signalCode], [null, null])
    assert.deepEqual(replicaFiles(machine.dataDir, shop.id), [record])
    await tenant.done(await tenant.acting.instances.start(shop.id))
    assert.equal((await tenant.ask()).status, 200)
  })
})

function fileOf(machine: Machine, shop: Instance, { id }: ReplicaFile): string {
  return join(replicaFolder(machine.dataDir, shop.id), `${id}.json`)
}

/** How a record names a living process. */
function processOf(pid: number): Pick<ReplicaFile, 'pid' | 'startTime' | 'bootId'> {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  return { pid, startTime, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim() }
}
