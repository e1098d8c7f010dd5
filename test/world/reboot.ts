import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeployRequest } from '../../src/index.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { rewriteReplicaFiles } from '../support/records.ts'
import { assertAgreed } from './agreement.ts'
import { killAll } from './replicas.ts'
import { killedAt, queuedFor, seeThrough, shopNamed, shopsFor, type Wanted } from './scene.ts'

const wanted: readonly Wanted[] = [
  { name: 'switching', moment: 'before the switch' },
  { name: 'held', moment: 'in a hold' },
  { name: 'parked', moment: 'in a parked hold' },
  { name: 'paused', moment: 'in a pause' },
  { name: 'undone', moment: 'in an undo' },
]

/** What another boot leaves: no process, and records that name the boot before. */
function reboot(machine: Machine, shops: readonly Instance[]): void {
  killAll(machine)
  for (const { id } of shops)
    rewriteReplicaFiles(machine.dataDir, id, record => ({ ...record, bootId: 'the boot before' }))
}

/** All processes at once. */
export function machineReboots(): void {
  describe('The machine reboots', () => {
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('and everything comes back:', { concurrency: true }, async t => {
      const inFlight = await shopsFor(wanted, machine, tenant)
      const [resting, waiting] = (await Promise.all(
        ['resting', 'waiting'].map(name => shopNamed(name, machine, tenant)),
      )) as [Instance, Instance]
      const shops = [...inFlight, resting, waiting]
      const warm = { strategy: 'blue-green', options: { keepWarmSeconds: 3600 } }
      await tenant.done(await tenant.acting.deploy({ instanceId: resting.id, services: await next(), ...warm }))
      let waits = ''
      const scenes = await killedAt(wanted, inFlight, machine, tenant, async () => {
        waits = await queuedFor(waiting, machine, tenant)
        reboot(machine, shops)
      })

      await Promise.all([
        ...scenes.map((scene, index) =>
          t.test(`a deployment ${wanted[index]?.moment} ends as it should`, async () => {
            await seeThrough(scene, tenant)
          }),
        ),
        t.test('one that waited for its turn finds the old release serving, not broken', async () => {
          await tenant.done({ id: waits })
          const steps = await machine.slipway.store.work.steps(waits)
          assert.equal(steps.find(({ step }) => step.kind === 'hold')?.state, 'done', 'the hold was not skipped')
        }),
      ])
      await t.test('what rests is there again, and what is warm as well', async () => {
        await assertAgreed(machine, tenant, shops)
        const { table } = await tenant.acting.status(resting.id)
        assert.deepEqual(
          table.map(row => [row.replicas, row.weight]),
          [
            [2, 0],
            [2, 100],
          ],
        )
      })
    })

    async function next(): Promise<DeployRequest['services']> {
      return [{ name: 'web', image: await machine.server('2') }]
    }
  })
}
