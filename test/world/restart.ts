import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { leaseTtlMs } from '../../src/engine/lease.ts'
import { startDoomed } from '../support/doomed.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { until } from '../support/until.ts'
import { assertAgreed } from './agreement.ts'
import type { Told } from './recorded.ts'
import { byAge, killReplica } from './replicas.ts'
import { killedAt, type Scene, seeThrough, shopsFor, type Wanted } from './scene.ts'

const wanted: readonly Wanted[] = [
  { name: 'rolling', moment: 'before the switch' },
  { name: 'paused', moment: 'in a pause' },
  { name: 'parked', moment: 'in a parked hold' },
]

/** The next control plane takes over at once. */
export function startsAgain(): void {
  describe('A control plane that is started again, as systemd does it,', () => {
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('is at work soon after', async t => {
      const shops = await shopsFor(wanted, machine, tenant)
      const scenes = await killedAt(wanted, shops, machine, tenant, async ([rolling]) => {
        const [victim] = byAge(machine, (rolling as Scene).shop).old
        killReplica(victim ?? assert.fail('nothing runs'))
        const spawnedAt = Date.now()
        const doomed = await startDoomed(machine.dataDir, tenant.id, 'worker', {
          equipment: new URL('./recorded.ts', import.meta.url),
        })
        t.after(() => doomed.kill())
        const upAt = Date.now()
        const first = (kind: Told['kind']): number | undefined =>
          (doomed.told() as Told[]).find(told => told.kind === kind)?.at
        await until('it acts', () => first('act') !== undefined)
        // Whoever has the folder waits for no lease of the dead. On a busy machine those are over before anybody could ask.
        if (upAt - spawnedAt < 1500) assert.ok((first('claim') ?? 0) < spawnedAt + leaseTtlMs)
        const [claimMs, actMs] = [(first('claim') ?? 0) - spawnedAt, (first('act') ?? 0) - spawnedAt]
        t.diagnostic(`up after ${upAt - spawnedAt} ms, first claim after ${claimMs} ms, first act after ${actMs} ms`)
        await doomed.kill()
      })
      for (const scene of scenes) await seeThrough(scene, tenant)
      await assertAgreed(machine, tenant, shops)
    })
  })
}
