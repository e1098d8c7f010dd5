import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Load } from '../../src/demo/load/load.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { routesOf } from '../crash/invariants.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertAgreed } from './agreement.ts'
import { byAge, killReplica } from './replicas.ts'
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
  ['in a pause of some seconds', 'one of each'],
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

/** One machine for each batch. */
export function replicasDie(): void {
  for (const [number, batch] of batches.entries()) die(batch, `${number + 1} of ${batches.length}`)
}

function die(batch: typeof sample, which: string): void {
  describe(`Replicas die while the control plane is dead (${which}):`, () => {
    let machine: Machine
    let tenant: Tenant
    let shops: Instance[]
    let scenes: Scene[]
    let loads: Load[]
    /** Whether what died leaves nobody whom the routes have serving. */
    let hadNobody: boolean[]
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
        hadNobody = await Promise.all(
          at.map((scene, index) => kill(scene, deaths[wanted[index]?.death ?? ''] as Deaths)),
        )
      })
      await Promise.all(
        wanted.map(({ moment, death }, index) =>
          t.test(`${moment}, ${death}: it ends as it should, and what is lost had nobody left to answer`, async () => {
            const scene = scenes[index] as Scene
            await seeThrough(scene, tenant)
            const report = await (loads[index] as Load).stop()
            const nobody = hadNobody[index]
            assert.equal(nobody, leavesNobody(moment, deaths[death] as Deaths) ?? nobody)
            if (nobody) assert.equal(report.inFlight, 0)
            else assertNothingLost(report)
          }),
        ),
      )
      await t.test('then everything is as the tables say', () => assertAgreed(machine, tenant, shops))
    })

    async function kill(scene: Scene, { fresh, old }: Deaths): Promise<boolean> {
      const serving = await servingOf(scene)
      const there = byAge(machine, scene.shop)
      assert.ok(there.old.length >= old && there.fresh.length >= fresh, 'they are there')
      const killed = [...there.old.slice(0, old), ...there.fresh.slice(0, fresh)]
      for (const record of killed) killReplica(record)
      return serving.every(id => killed.some(record => record.id === id))
    }

    /** To whom the proxy sends requests. */
    async function servingOf({ shop }: Scene): Promise<string[]> {
      const routes = await routesOf(machine.dataDir, shop.id)
      if (routes instanceof Error) throw routes
      const revisions = Object.values(routes?.services['web']?.revisions ?? {}).filter(({ weight }) => weight > 0)
      const serving = revisions.flatMap(({ endpoints }) => endpoints.filter(({ state }) => state === 'serving'))
      assert.ok(serving.length > 0)
      return serving.map(({ replica }) => replica)
    }
  })
}

/** Whether a death leaves nobody whom the routes of that moment have serving, where the moment says what those are. */
function leavesNobody(moment: MomentName, { fresh, old }: Deaths): boolean | undefined {
  switch (moment) {
    case 'before the switch':
    case 'in a pause':
      return old === 2
    case 'after the switch':
      return fresh === 2
    case 'in a hold':
    case 'in a parked hold':
    case 'in a pause of some seconds':
      return old === 2 && fresh === 2
    case 'in an undo':
      return undefined // its first step, which has just begun, is to route everything back
  }
}
