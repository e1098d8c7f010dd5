import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { ReplicaRecord } from '../../src/provider/process/record.ts'
import { replicasOf } from '../crash/invariants.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { until } from '../support/until.ts'
import { assertAgreed } from './agreement.ts'
import { byAge, killReplica } from './replicas.ts'
import { giveSign, killedAt, type Scene, seeThrough, shopsFor, type Wanted } from './scene.ts'

const wanted: readonly Wanted[] = [
  { name: 'held', moment: 'in a hold' },
  { name: 'switching', moment: 'before the switch', own: { listensAtSign: 'once probed' } },
]

/** Other programs listen where replicas did, and where one is about to. */
export function strangersListen(): void {
  describe('Strangers take the ports of replicas while the control plane is dead', () => {
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('and are asked nothing once it is back: an answer of theirs is no readiness', async t => {
      const shops = await shopsFor(wanted, machine, tenant)
      const strangers: Stranger[] = []
      // Of the other shop's replicas the proxy has no better news while nobody is there to tell it.
      const target = { ...machine.slipway.front, hostHeader: `switching.${tenant.id}.localhost` }
      const load = await loadOn(t, machine, tenant, { target, rps: 50 })
      const scenes = await killedAt(wanted, shops, machine, tenant, async ([held, switching]) => {
        const { old, fresh } = byAge(machine, (held as Scene).shop)
        const dead = [...old.slice(0, 1), ...fresh.slice(0, 1)]
        for (const record of dead) killReplica(record)
        // Not killed: it is about to listen on its port, and will find a stranger there.
        const [late] = byAge(machine, (switching as Scene).shop).fresh
        for (const record of [late, ...dead]) strangers.push(await listensFor(record ?? assert.fail('nothing runs'), t))
      })
      const [askedForLate] = strangers.map(({ asked }) => asked)
      await until('the late one is probed more than once', () => (askedForLate?.length ?? 0) > 1)
      giveSign(machine, (scenes[1] as Scene).shop, 'once probed')
      for (const scene of scenes) await seeThrough(scene, tenant)
      assertNothingLost(await load.stop())
      await assertAgreed(machine, tenant, shops)
      for (const { shop, version } of scenes) {
        for (let asked = 0; asked < 10; asked++) {
          const answer = await ask(machine.slipway.front, `${shop.name}.${tenant.id}.localhost`)
          assert.equal(answer.told().version, version)
        }
        const now = replicasOf(machine.dataDir, shop.id).flatMap(record => Object.values(record.ports))
        assert.deepEqual(
          now.filter(port => strangers.some(stranger => stranger.port === port)),
          [],
        )
      }
      assert.deepEqual([...new Set(askedForLate)], ['/healthz'])
    })
  })
}

/** A program that answers everything with 200. */
interface Stranger {
  readonly port: number
  /** The paths it was asked for. */
  readonly asked: readonly string[]
}

/** Puts a stranger on the port of a replica. */
async function listensFor({ ports }: ReplicaRecord, t: TestContext): Promise<Stranger> {
  const [port = 0] = Object.values(ports)
  const asked: string[] = []
  const stranger = createServer(({ url = '' }, response) => {
    asked.push(url)
    response.end('not yours')
  })
  t.after(() => stranger.close())
  await until(`port ${port} is free for a stranger`, async () => {
    stranger.listen(port, '127.0.0.1')
    try {
      await once(stranger, 'listening')
      return true
    } catch (error) {
      void error // because whoever had it is not quite gone
      return false
    }
  })
  return { port, asked }
}
