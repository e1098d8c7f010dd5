import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { DeployRequest } from '../../src/deploy/schema.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { startDoomed } from '../support/doomed.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { databaseFile } from '../support/on-postgres.ts'
import { describeOnPostgres, postgresDatabase } from '../support/postgres.ts'
import { web, worker } from '../support/services.ts'

const equipment = new URL('../support/on-postgres.ts', import.meta.url)

describeOnPostgres('a control plane on PostgreSQL, with real processes and the proxy', () => {
  const cleanUp: (() => unknown)[] = []
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  before(async () => {
    const database = await postgresDatabase({ after: done => void cleanUp.push(done as () => unknown) })
    machine = await startMachine({ database })
    writeFileSync(join(machine.dataDir, databaseFile), database)
    tenant = machine.tenant()
    shop = await tenant.up([web(await machine.server('1'), { replicas: 2 }), worker(await machine.worker('1'))])
  })
  after(async () => {
    await machine.dispose()
    for (const done of cleanUp) await done()
  })
  const version = async (): Promise<string> => (await tenant.ask()).told().version
  const request = async (name: string, more: Partial<DeployRequest> = {}): Promise<DeployRequest> => ({
    instanceId: shop.id,
    services: [{ name: 'web', image: await machine.server(name) }],
    ...more,
  })

  test('deploys, cancels in the middle and rolls back without losing a request, and keeps no file of its own', async t => {
    const load = await loadOn(t, machine, tenant, { rps: 50, slowPerSecond: 2 })
    await tenant.done(await tenant.acting.deploy(await request('2')))
    assert.equal(await version(), '2')

    const options = { steps: [{ weight: 50, holdSeconds: 0, pause: true }], keepWarmSeconds: 0 }
    const canary = await tenant.acting.deploy(await request('3', { strategy: 'canary', options }))
    await tenant.reach(canary, now => now.reason?.code === 'awaiting_promote')
    await tenant.acting.cancel(canary.id)
    const cancelled = await tenant.end(canary)
    assert.deepEqual([cancelled.state, cancelled.restored], ['cancelled', true])
    assert.equal(await version(), '2')

    const [first] = await tenant.releases(shop)
    assert.ok(first)
    await tenant.done(await tenant.acting.rollback({ instanceId: shop.id, releaseId: first.id }))
    assert.equal(await version(), '1')
    assertNothingLost(await load.stop())

    const events = await machine.slipway.store.events.read({ after: 0, limit: 1_000, deploymentId: canary.id })
    const types = events.map(({ type }) => type)
    assert.equal(types.filter(type => /succeeded|failed|cancelled/.test(type)).length, 1)
    assert.deepEqual(types.slice(0, 3), ['release.created', 'deploy.queued', 'deploy.started'])
    assert.equal(types.at(-1), 'deploy.cancelled')
    assert.equal(existsSync(join(machine.dataDir, 'slipway.db')), false)
  })

  test('of thirty deploys at once each gets the next version, and they run one at a time', async () => {
    const before = (await tenant.releases(shop)).at(-1)?.version ?? 0
    const image = await machine.server('4')
    const asked = await Promise.all(
      Array.from({ length: 30 }, () =>
        tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] }),
      ),
    )
    await Promise.all(asked.map(deployment => tenant.done(deployment)))
    const versions = (await tenant.releases(shop)).slice(-30).map(release => release.version)
    assert.deepEqual(
      versions,
      Array.from({ length: 30 }, (_, n) => before + 1 + n),
    )
  })

  test('that is stopped goes on where it was, and one that is killed is followed by the next once its leases have run out', async t => {
    const options = { steps: [{ weight: 50, holdSeconds: 0, pause: true }], keepWarmSeconds: 0 }
    const canary = await tenant.acting.deploy(await request('5', { strategy: 'canary', options }))
    await tenant.reach(canary, now => now.reason?.code === 'awaiting_promote')
    let id = ''
    await machine.reopen(async () => {
      const doomed = await startDoomed(machine.dataDir, tenant.id, 'worker', { equipment })
      t.after(() => doomed.kill())
      await doomed.order({ kind: 'promote', deploymentId: canary.id })
      await doomed.until(({ deploymentId, type }) => deploymentId === canary.id && type === 'deploy.succeeded')
      doomed.dieAt({ name: 'after provider.start', occurrence: 1 })
      id = await doomed.order({ kind: 'deploy', request: await request('6') })
      await doomed.gone
    })
    assert.equal((await tenant.acting.getDeployment(canary.id)).state, 'succeeded')
    assert.equal((await tenant.acting.getDeployment(id)).state, 'running')
    await tenant.done({ id })
    assert.equal(await version(), '6')
  })
})
