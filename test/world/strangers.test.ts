import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { ReplicaRecord } from '../../src/provider/process/record.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertAgreed } from './agreement.ts'
import { killReplica, recordsOf } from './replicas.ts'
import { killedAt, seeThrough, shopsFor, until, type Wanted } from './scene.ts'

const wanted: readonly Wanted[] = [
  { name: 'held', moment: 'in a hold' },
  { name: 'switching', moment: 'before the switch', own: { listensAfterMs: 7000 } },
]

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
    const ports: number[] = []
    // Of the other shop's replicas the proxy has no better news while nobody is there to tell it.
    const target = { ...machine.slipway.front, hostHeader: `switching.${tenant.id}.localhost` }
    const load = await loadOn(t, machine, tenant, { target, rps: 50 })
    const scenes = await killedAt(wanted, shops, machine, tenant, async ([held, switching]) => {
      const all = recordsOf(machine, held?.shop.id ?? '')
      const dead = [...Map.groupBy(all, ({ revision }) => revision).values()].flatMap(of => of.slice(0, 1))
      for (const record of dead) killReplica(record)
      // Not killed: it is about to listen on its port, and will find a stranger there.
      const late = recordsOf(machine, switching?.shop.id ?? '').toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
      for (const record of [...dead, ...late.slice(0, 1)]) ports.push(await taken(record, t))
    })
    for (const scene of scenes) await seeThrough(scene, tenant)
    assertNothingLost(await load.stop())
    await assertAgreed(machine, tenant, shops)
    for (const { shop, version } of scenes) {
      for (let asked = 0; asked < 10; asked++) {
        const answer = await ask(machine.slipway.front, `${shop.name}.${tenant.id}.localhost`)
        assert.equal(answer.told().version, version)
      }
      const now = recordsOf(machine, shop.id).flatMap(record => Object.values(record.ports))
      assert.deepEqual(
        now.filter(port => ports.includes(port)),
        [],
      )
    }
  })
})

/** A stranger that answers everything with 200, on the port of a replica. */
async function taken({ ports }: ReplicaRecord, t: TestContext): Promise<number> {
  const [port = 0] = Object.values(ports)
  const stranger = createServer((_, response) => response.end('not yours'))
  t.after(() => stranger.close())
  const listens = async (): Promise<boolean> => {
    stranger.listen(port, '127.0.0.1')
    try {
      await once(stranger, 'listening')
      return true
    } catch (error) {
      void error // because whoever had it is not quite gone
      return false
    }
  }
  await until(listens, `port ${port} is free for a stranger`)
  return port
}
