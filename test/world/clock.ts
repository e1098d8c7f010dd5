import { after, before, describe, type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { Load } from '../../src/demo/load/load.ts'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertAgreed } from './agreement.ts'
import { killedAt, queuedFor, seeThrough, shopNamed, shopsFor, type Wanted } from './scene.ts'

const hourMs = 3_600_000

const wanted: readonly Wanted[] = [
  { name: 'switching', moment: 'before the switch' },
  { name: 'held', moment: 'in a hold' },
  { name: 'parked', moment: 'in a parked hold' },
  { name: 'timed', moment: 'in a pause of some seconds' },
  { name: 'undone', moment: 'in an undo' },
]

/** Two jumps while the control plane is dead, and both while it lives. */
export function clockJumps(): void {
  jumps('The clock jumps an hour forward while the control plane is dead:', hourMs)
  jumps('The clock jumps an hour back while the control plane is dead:', -hourMs)

  describe('The clock jumps an hour forward and an hour back while the control plane lives:', () => {
    const clock = jumpingClock()
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine({ clock })
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('what is held, paused and rests goes on as if nothing had happened', async t => {
      const names = ['held', 'timed', 'resting']
      const shops = await Promise.all(names.map(name => shopNamed(name, machine, tenant)))
      const [held, timed] = shops as [Instance, Instance]
      const loads = await Promise.all(shops.map(shop => loadOnShop(t, shop, machine, tenant)))
      for (const jumpMs of [hourMs, -hourMs]) {
        const services = [{ name: 'web', image: await machine.server(`after ${jumpMs}`) }]
        const pausing = { weight: 50, holdSeconds: 0, pause: true, pauseSeconds: 2 }
        const deploys = await Promise.all(
          [
            { instanceId: held.id, options: { steps: [50], holdSeconds: 3, keepWarmSeconds: 0 } },
            { instanceId: timed.id, options: { steps: [pausing], keepWarmSeconds: 0 } },
          ].map(request => tenant.acting.deploy({ ...request, services, strategy: 'canary' })),
        )
        const [holding, waiting] = deploys as [Deployment, Deployment]
        await tenant.reach(holding, ({ reason }) => reason?.code === 'baking')
        await tenant.reach(waiting, ({ reason }) => reason?.code === 'awaiting_promote')
        clock.jump(jumpMs)
        for (const deployment of deploys) await tenant.done(deployment)
      }
      for (const load of loads) assertNothingLost(await load.stop())
      await assertAgreed(machine, tenant, shops)
    })
  })
}

function jumps(title: string, jumpMs: number): void {
  describe(title, () => {
    const clock = jumpingClock()
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine({ clock })
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('every deployment ends as it should, and nothing is lost', { concurrency: true }, async t => {
      const inFlight = await shopsFor(wanted, machine, tenant)
      const waiting = await shopNamed('waiting', machine, tenant)
      const shops = [...inFlight, waiting]
      const loads = await Promise.all(shops.map(shop => loadOnShop(t, shop, machine, tenant)))
      let waits = ''
      const scenes = await killedAt(wanted, inFlight, machine, tenant, async () => {
        waits = await queuedFor(waiting, machine, tenant)
        clock.jump(jumpMs)
      })
      await Promise.all([
        ...scenes.map((scene, index) =>
          t.test(wanted[index]?.moment, async () => {
            await seeThrough(scene, tenant)
          }),
        ),
        t.test('that waited for its turn', async () => {
          await tenant.done({ id: waits })
        }),
      ])
      for (const load of loads) assertNothingLost(await load.stop())
      await assertAgreed(machine, tenant, shops)
    })
  })
}

/** The machine's clock, until it is set. */
function jumpingClock(): Clock & { jump(ms: number): void } {
  let aheadMs = 0
  return {
    ...systemClock,
    now: () => Date.now() + aheadMs,
    jump(ms) {
      aheadMs += ms
    },
  }
}

async function loadOnShop(t: TestContext, { name }: Instance, machine: Machine, tenant: Tenant): Promise<Load> {
  const target = { ...machine.slipway.front, hostHeader: `${name}.${tenant.id}.localhost` }
  return await loadOn(t, machine, tenant, { target, rps: 10, slowPerSecond: 1 })
}
