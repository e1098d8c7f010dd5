import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Death } from '../../src/engine/healing.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { startDoomed } from '../support/doomed.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { processesOf } from '../support/processes.ts'
import { rewriteReplicaFiles } from '../support/records.ts'
import { servingOf } from '../support/routes.ts'
import { web, worker } from '../support/services.ts'
import { until } from '../support/until.ts'

const anotherBoot = '00000000-0000-4000-8000-000000000000'

describe('the machine restarts: every process is gone at once, the proxy too, and the records are of another boot', () => {
  let machine: Machine
  let [resting, waiting, moving]: Tenant[] = []
  before(async () => {
    machine = await startMachine()
    resting = machine.tenant()
    waiting = machine.tenant()
    moving = machine.tenant()
  })
  after(() => machine.dispose())

  test('everything is back, what is warm too, and each deployment goes on', async t => {
    assert.ok(resting && waiting && moving)
    const shops = await Promise.all(
      [resting, waiting, moving].map(async tenant =>
        tenant.up([web(await machine.server('1'), { replicas: 3 }), worker(await machine.worker('1'))]),
      ),
    )
    const [rests, waits, moves] = shops as [Instance, Instance, Instance]
    const image = await machine.server('2')
    const blueGreen = (instance: Instance, options: Record<string, unknown>) => ({
      instanceId: instance.id,
      services: [{ name: 'web', image }],
      strategy: 'blue-green',
      options,
    })
    await resting.done(await resting.acting.deploy(blueGreen(rests, { keepWarmSeconds: 3600 })))
    const paused = await waiting.acting.deploy(blueGreen(waits, { preview: true, keepWarmSeconds: 0 }))
    await waiting.reach(paused, now => now.reason?.code === 'awaiting_promote')
    const tables = await Promise.all([rests, waits].map(shop => tableOf(machine, shop)))
    const before = await Promise.all([rests, waits].map(shop => servingOf(machine.slipway, shop)))

    let id = ''
    let off = 0
    await machine.reopen(async () => {
      const doomed = await startDoomed(machine.dataDir, moves.tenantId)
      t.after(() => doomed.kill())
      const slow = await machine.server('2', { listensAfterMs: 1000 })
      const request = { instanceId: moves.id, services: [{ name: 'web', image: slow }], strategy: 'rolling' }
      id = await doomed.order({ kind: 'deploy', request })
      await doomed.until(event => event.deploymentId === id && event.data?.['kind'] === 'run')
      await doomed.kill()
      restart(machine, shops)
      off = performance.now()
    })

    await until('everything serves again', async () => {
      const now = await Promise.all([rests, waits].map(shop => servingOf(machine.slipway, shop)))
      // The restored routes name the dead ones until they have successors.
      return now.every((ids, at) => ids.length === 3 + 3 && !ids.some(id => before[at]?.includes(id)))
    })
    t.diagnostic(`served again ${Math.round(performance.now() - off)} ms after the restart`)
    assert.deepEqual(await Promise.all([rests, waits].map(shop => tableOf(machine, shop))), tables)
    for (const tenant of [resting, waiting]) assert.equal((await tenant.ask()).status, 200)
    assert.equal((await resting.ask()).told().version, '2')
    assert.equal((await waiting.ask()).told().version, '1')
    assert.deepEqual(await states(machine, rests), { running: 3 + 3 + 1 })

    const ended = await moving.end({ id })
    assert.equal(ended.state, 'succeeded', ended.error)
    assert.equal((await moving.ask()).told().version, '2')
    await waiting.acting.promote(paused.id)
    assert.equal((await waiting.done(paused)).state, 'succeeded')
    assert.equal((await waiting.ask()).told().version, '2')
    const back: Deployment = await resting.done(
      await resting.acting.rollback({ instanceId: rests.id, releaseId: rests.currentReleaseId ?? '' }),
    )
    assert.equal(back.stepCount, 1, 'the warm release was there: the rollback is one route step')
    for (const shop of shops) assert.equal('needsAttention' in (await get(machine, shop)), false)
  })

  test('each replica that was lost is told of once, and none is called a crash loop', async () => {
    assert.ok(resting)
    const [shop] = (await resting.acting.instances.list()).items
    assert.ok(shop)
    const events = await machine.slipway.store.events.read({ after: 0, limit: 1000, instanceId: shop.id })
    const healed = events.filter(event => event.type === 'instance.healed')
    assert.equal(healed.length, 7)
    for (const { data } of healed) assert.equal((data?.['replaces'] as Death | undefined)?.because, 'vanished')
    assert.equal(events.filter(event => event.type === 'instance.crash_looping').length, 0)
  })
})

/** Ends everything of a machine that is turned off, and makes its records what they are after another start. */
function restart(machine: Machine, shops: readonly Instance[]): void {
  for (let pids = processesOf(machine.dataDir); pids.length > 0; pids = processesOf(machine.dataDir)) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        void error // because it ended with another one
      }
    }
  }
  for (const { id } of shops) {
    rewriteReplicaFiles(machine.dataDir, id, record => ({ ...record, bootId: anotherBoot }))
  }
}

async function get(machine: Machine, { id, tenantId }: Instance): Promise<Instance> {
  return await machine.slipway.as({ tenantId, subject: 'ana' }).instances.get(id)
}

async function tableOf(machine: Machine, { id }: Instance): Promise<unknown> {
  return (await machine.slipway.store.work.load(id))?.table
}

/** State → how many replicas of an instance are in it. */
async function states(machine: Machine, { id, tenantId }: Instance): Promise<Record<string, number>> {
  const { replicas } = await machine.slipway.as({ tenantId, subject: 'ana' }).status(id)
  const byState = Map.groupBy(replicas, ({ state }) => state)
  return Object.fromEntries([...byState].map(([state, all]) => [state, all.length]))
}
