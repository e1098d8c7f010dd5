import assert from 'node:assert/strict'
import { hasEnded } from '../../src/deploy/deployment.ts'
import { canonicalJson } from '../../src/deploy/revision.ts'
import type { Event } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import type { Machine, Tenant } from '../support/machine.ts'
import { groupsOf } from '../support/processes.ts'
import { recordsOf } from './replicas.ts'
import { until } from './scene.ts'

const ends = new Set(['deploy.succeeded', 'deploy.failed', 'deploy.cancelled'])

/** Asserts that table, processes, routes, reserved ports and the log of every shop say the same, once what is under way is through. */
export async function assertAgreed(machine: Machine, tenant: Tenant, shops: readonly Instance[]): Promise<void> {
  let differences: string[] = []
  const agreed = async (): Promise<boolean> => {
    differences = (await Promise.all(shops.map(shop => differencesOf(machine, tenant, shop)))).flat()
    return differences.length === 0
  }
  await until(agreed, 'table, processes, routes and ports agree').catch(error => {
    assert.fail(`${error.message}\n${differences.join('\n')}`)
  })
  const wanted = shops.reduce((sum, shop) => sum + recordsOf(machine, shop.id).length, 1)
  // The command of a health check is a process too, for a moment; a stray would stay.
  await until(() => groupsOf(machine.dataDir).size === wanted, `the ${wanted - 1} replicas and the proxy, and no stray`)
  for (const shop of shops) await assertToldOnce(machine, shop)
}

async function differencesOf(machine: Machine, tenant: Tenant, { id, name }: Instance): Promise<string[]> {
  const { store, router } = machine.slipway
  const { table, replicas } = await tenant.acting.status(id)
  const routes = await router.observe(id)
  const reserved = (await store.work.reservations()).filter(one => one.instanceId === id)
  const living = replicas.filter(replica => replica.state === 'running' && replica.health === 'ready')
  const revisions = Object.entries(routes?.services['web']?.revisions ?? {})
  const byRow = Map.groupBy(living, replica => replica.revision)
  const pairs: readonly (readonly [what: string, is: unknown, wanted: unknown])[] = [
    ['replicas', replicas.length, living.length],
    [
      'replicas by revision',
      Object.fromEntries([...byRow].map(([revision, of]) => [revision, of.length])),
      Object.fromEntries(table.map(row => [row.revision, row.replicas])),
    ],
    [
      'weights',
      Object.fromEntries(revisions.map(([revision, { weight }]) => [revision, weight])),
      Object.fromEntries(table.map(row => [row.revision, row.weight])),
    ],
    [
      'endpoints',
      sorted(revisions.flatMap(([, { endpoints }]) => endpoints.map(({ replica, state }) => `${replica} ${state}`))),
      sorted(living.map(replica => `${replica.id} serving`)),
    ],
    [
      'ports of replicas',
      sorted(reserved.filter(one => one.purpose.startsWith('replica:')).map(one => String(one.port))),
      sorted(recordsOf(machine, id).flatMap(record => Object.values(record.ports).map(String))),
    ],
  ]
  return pairs.flatMap(([what, is, wanted]) => {
    const [a, b] = [canonicalJson(is), canonicalJson(wanted)]
    return a === b ? [] : [`${name}: ${what}: ${a}, and ${b} is wanted`]
  })
}

function sorted(words: readonly string[]): string[] {
  return words.toSorted((a, b) => (a < b ? -1 : 1))
}

/** Every deployment has exactly one end, one release is active, and versions have no gap. */
async function assertToldOnce(machine: Machine, shop: Instance): Promise<void> {
  const { deploys, events, instances } = machine.slipway.store
  const all: Event[] = await events.read({ after: 0, limit: 10_000, instanceId: shop.id })
  const { items: deployments } = await deploys.listDeployments(shop.tenantId, shop.id, { limit: 200 })
  for (const { id, state } of deployments) {
    if (!hasEnded(state)) continue
    const told = all.filter(event => event.deploymentId === id && ends.has(event.type)).map(({ type }) => type)
    assert.equal(told.length, 1, `${shop.name}: ${state} was told as ${told.join(', ')}`)
  }
  const { items: releases } = await deploys.listReleases(shop.tenantId, shop.id, { limit: 200 })
  const versions = releases.map(release => release.version)
  assert.deepEqual(
    versions,
    versions.map((_, index) => versions.length - index),
  )
  const active = releases.filter(release => release.active).map(release => release.id)
  const now = await instances.get(shop.tenantId, shop.id)
  assert.deepEqual(active, [now?.currentReleaseId])
}
