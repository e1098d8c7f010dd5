import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import { processStat } from '../../src/provider/process/proc.ts'
import type { ReplicaRecord } from '../../src/provider/process/record.ts'
import { replicasOf } from '../crash/invariants.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { replicaFolder } from '../support/records.ts'
import { until } from '../support/until.ts'
import { assertAgreed } from './agreement.ts'
import { killReplica } from './replicas.ts'
import { shopNamed } from './scene.ts'

/** Five ways to lose or tear what is kept of a replica, on one machine. */
export function recordsChange(): void {
  describe('What is kept of a replica changes while the control plane is dead:', () => {
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('what is missing, torn or tells of another process is made good, and strangers are left alone', async t => {
      const names = ['missing', 'torn', 'reused', 'unfinished', 'exitless'] as const
      const shops = await Promise.all(names.map(name => shopNamed(name, machine, tenant)))
      const [missing, torn, reused, unfinished, exitless] = shops.map(firstOf) as [
        ReplicaRecord,
        ReplicaRecord,
        ReplicaRecord,
        ReplicaRecord,
        ReplicaRecord,
      ]
      const stranger = spawn('sleep', ['600'], { cwd: '/', detached: true, stdio: 'ignore' })
      t.after(() => stranger.kill('SIGKILL'))
      await machine.reopen(async () => {
        rmSync(fileOf(missing))
        truncateSync(fileOf(torn), 40)
        await gone(reused)
        writeFileSync(fileOf(reused), JSON.stringify({ ...reused, pid: stranger.pid }))
        await gone(unfinished)
        writeFileSync(fileOf(unfinished, 'exit'), '13')
        await gone(exitless)
        rmSync(fileOf(exitless, 'exit'))
      })
      await assertAgreed(machine, tenant, shops)
      for (const { pid, startTime } of [missing, torn])
        assert.notEqual(processStat(pid)?.startTime, startTime, 'it ended')
      assert.equal(stranger.exitCode ?? stranger.signalCode, null, 'the stranger runs')
    })

    const firstOf = (shop: Instance): ReplicaRecord =>
      replicasOf(machine.dataDir, shop.id)[0] ?? assert.fail('no replica')

    const fileOf = ({ instanceId, id }: ReplicaRecord, kind = 'json'): string =>
      join(replicaFolder(machine.dataDir, instanceId), `${id}.${kind}`)

    async function gone(record: ReplicaRecord): Promise<void> {
      killReplica(record)
      await until(`${record.name} is gone`, () => processStat(record.pid)?.startTime !== record.startTime)
    }
  })
}
