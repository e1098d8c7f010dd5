import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Load } from '../../examples/load/load.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertAgreed } from './agreement.ts'
import { killReplica, recordsOf } from './replicas.ts'
import { killedAt, type MomentName, moments, type Scene, seeThrough, shopsFor } from './scene.ts'

/** How many of each version die. */
interface Deaths {
  readonly fresh: 0 | 1 | 2
  readonly old: 0 | 1 | 2
}

const deaths: Readonly<Record<string, Deaths>> = {
  'a new replica': { fresh: 1, old: 0 },
  'all new replicas': { fresh: 2, old: 0 },
  'an old replica': { fresh: 0, old: 1 },
  'all old replicas': { fresh: 0, old: 2 },
  'one of each': { fresh: 1, old: 1 },
  'all of them': { fresh: 2, old: 2 },
}

/** Each moment and each kind of death at the least once; the full form has them all. */
const sample: readonly (readonly [MomentName, string])[] = [
  ['before the switch', 'all new replicas'],
  ['before the switch', 'an old replica'],
  ['in a hold', 'all old replicas'],
  ['in a hold', 'a new replica'],
  ['in a parked hold', 'one of each'],
  ['in a pause', 'all of them'],
  ['after the switch', 'all new replicas'],
  ['in an undo', 'all old replicas'],
]

const every = Object.keys(moments).flatMap(moment =>
  Object.keys(deaths).map(death => [moment as MomentName, death] as const),
)
const chosen = process.env['SLIPWAY_TEST_FULL'] ? every : sample
/** Twelve shops are about fifty processes. */
const batches = Array.from({ length: Math.ceil(chosen.length / 12) }, (_, index) =>
  chosen.slice(index * 12, index * 12 + 12),
)

for (const [number, batch] of batches.entries()) {
  describe(`Replicas die while the control plane is dead (${number + 1} of ${batches.length}):`, () => {
    let machine: Machine
    let tenant: Tenant
    let shops: Instance[]
    let scenes: Scene[]
    let loads: Load[]
    const wanted = batch.map(([moment, death], index) => ({ name: `shop${index}`, moment, death }))

    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
      shops = await shopsFor(wanted, machine, tenant)
    })
    after(() => machine?.dispose())

    test('it is killed and comes back', { concurrency: true }, async t => {
      loads = await Promise.all(
        shops.map(({ name }) => {
          const target = { ...machine.slipway.front, hostHeader: `${name}.${tenant.id}.localhost` }
          return loadOn(t, machine, tenant, { target, rps: 20, slowPerSecond: 2 })
        }),
      )
      scenes = await killedAt(wanted, shops, machine, tenant, async at => {
        for (const [index, scene] of at.entries()) kill(scene, deaths[wanted[index]?.death ?? ''] as Deaths)
      })
      await Promise.all(
        wanted.map(({ moment, death }, index) =>
          t.test(`${moment}, ${death}: it ends as it should, and what is lost had nobody left to answer`, async () => {
            const scene = scenes[index] as Scene
            await seeThrough(scene, tenant)
            const report = await (loads[index] as Load).stop()
            if (hadNobody(moment, deaths[death] as Deaths)) assert.equal(report.inFlight, 0)
            else assertNothingLost(report)
          }),
        ),
      )
      await t.test('then everything is as the tables say', () => assertAgreed(machine, tenant, shops))
    })

    function kill(scene: Scene, { fresh, old }: Deaths): void {
      const { old: before, fresh: added } = byAge(scene)
      for (const record of [...before.slice(0, old), ...added.slice(0, fresh)]) killReplica(record)
    }

    function byAge({ shop }: Scene): {
      old: ReturnType<typeof recordsOf>
      fresh: ReturnType<typeof recordsOf>
    } {
      const records = recordsOf(machine, shop.id).toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1))
      const [first] = records
      return {
        old: records.filter(({ revision }) => revision === first?.revision),
        fresh: records.filter(({ revision }) => revision !== first?.revision),
      }
    }
  })
}

/** Whether a death leaves nobody whom the routes of that moment have serving. */
function hadNobody(moment: MomentName, { fresh, old }: Deaths): boolean {
  switch (moment) {
    case 'before the switch':
    case 'in a pause':
      return old === 2
    case 'after the switch':
      return fresh === 2
    case 'in a hold':
    case 'in a parked hold':
    case 'in a pause of some seconds':
    case 'in an undo':
      return old === 2 && fresh === 2
  }
}
