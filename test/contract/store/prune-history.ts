import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { timestamp } from '../../../src/clock.ts'
import type { Deployment, DeploymentKind, DeploymentState } from '../../../src/deploy/deployment.ts'
import type { Release } from '../../../src/deploy/release.ts'
import type { HistoryCap, Store } from '../../../src/deploy/work.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import {
  aDeployment,
  anInstance,
  aRelease,
  aRequest,
  everyPage,
  type HandClock,
  type MakeStore,
  world,
} from './fixtures.ts'

const hourMs = 3_600_000
const hour = { keepMs: hourMs } as const

export function pruneHistoryTests(makeStore: MakeStore): void {
  test('an instance keeps its newest deployments, and all that ended lately; the lists count what is left', async t => {
    const { store, clock, instance } = await world(t, makeStore)
    const old = await deploys(store, instance, clock, 6)
    clock.advance(2 * hourMs)
    const young = await deploys(store, instance, clock, 4)
    const pruned = await pruneAll(store, { ...hour, keep: 5, keepReleases: 1 }, 100)
    assert.deepEqual(pruned, { deployments: 4, releases: 4 })
    const [first, , , , , last] = old
    assert.deepEqual(await deploymentsOf(store, instance), ids([first, last, ...young], 'deployment'))
    assert.deepEqual(await releasesOf(store, instance), ids([first, last, ...young], 'release'))
    assert.deepEqual(await pruneAll(store, { ...hour, keep: 3, keepReleases: 1 }, 100), { deployments: 1, releases: 1 })
    assert.deepEqual(await deploymentsOf(store, instance), ids([first, ...young], 'deployment'))
    assert.equal((await store.deploys.listDeployments('acme', instance.id)).total, 5)
    assert.equal((await store.deploys.listReleases('acme', instance.id)).total, 5)
    assert.equal(await store.deploys.nextReleaseVersion('acme', instance.id), 11)
  })

  test('with a deployment goes all that is kept of it', async t => {
    const { store, clock, instance } = await world(t, makeStore)
    const [, second] = await deploys(store, instance, clock, 3)
    const deploymentId = second?.deployment.id ?? ''
    await store.work.signal({ deploymentId, instanceId: instance.id, kind: 'cancel', by: 'ann' })
    const at = timestamp(clock.now())
    await store.history.addSamples([{ deploymentId, at, spanMs: 1, shares: [] }])
    clock.advance(2 * hourMs)
    await pruneAll(store, { ...hour, keep: 1, keepReleases: 0 }, 100)
    assert.equal(await store.deploys.getDeployment('acme', deploymentId), undefined)
    assert.equal(await store.work.run(deploymentId), undefined)
    assert.deepEqual(await store.work.signals(deploymentId), [])
    assert.deepEqual(await store.history.samples(deploymentId), [])
  })

  test('what has not ended, what made the release that is active, and releases of the table stay, however old', async t => {
    const { store, clock, instance } = await world(t, makeStore)
    const made = await deploys(store, instance, clock, 5)
    const [, running, active, warm] = made
    assert.ok(running && active && warm)
    const parked = aDeployment(instance, { releaseId: running.release.id, state: 'running' })
    await store.deploys.insertDeployment(parked, aRequest)
    await store.deploys.activateRelease(instance.id, active.release.id, timestamp(clock.now()))
    const row = { service: 'web', revision: 'aa.1', replicas: 1, weight: 0, release: warm.release.id }
    await store.work.patch(instance.id, { activeDeploymentId: active.deployment.id, table: [row] })
    clock.advance(2 * hourMs)
    await pruneAll(store, { ...hour, keep: 0, keepReleases: 0 }, 100)
    const left = await deploymentsOf(store, instance)
    assert.deepEqual(left, [...ids([made[0], active], 'deployment'), parked.id])
    assert.deepEqual(await releasesOf(store, instance), ids([made[0], running, active, warm], 'release'))
  })

  test('history is pruned a few at a time, instance by instance, and nobody else loses anything', async t => {
    const { store, clock, instance } = await world(t, makeStore)
    const other = anInstance({ name: 'other', tenantId: 'globex' })
    await store.instances.insert(other)
    for (const one of [instance, other]) await deploys(store, one, clock, 7)
    clock.advance(2 * hourMs)
    const cap = { ...hour, keep: 1, keepReleases: 1 }
    const sizes: number[] = []
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { deployments, releases, next }: Awaited<ReturnType<Store['work']['pruneHistory']>> =
        await store.work.pruneHistory(cap, after, 2)
      sizes.push(deployments + releases)
      after = next
    }
    assert.ok(sizes.every(size => size <= 2))
    for (const one of [instance, other]) assert.equal((await deploymentsOf(store, one)).length, 2)
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      20,
    )
  })

  test('after any prune each rollback that was possible, and is among those that are kept, is possible', async t => {
    const { store, clock } = await world(t, makeStore)
    let made = 0
    const moves = fc.array(
      fc.record({
        act: fc.constantFrom('deploy', 'fail', 'rollback', 'scale', 'wait'),
        back: fc.nat(20),
      }),
      { minLength: 1, maxLength: 25 },
    )
    const cap = fc.record({ keep: fc.nat(6), keepMs: fc.nat(10).map(hours => hours * hourMs), keepReleases: fc.nat(5) })
    await fc.assert(
      fc.asyncProperty(moves, cap, fc.integer({ min: 1, max: 9 }), async (history, policy, limit) => {
        const instance = anInstance({ name: `shop-${made++}` })
        await store.instances.insert(instance)
        const activated: Release[] = []
        let active: Release | undefined
        let version = 0
        for (const { act, back } of history) {
          clock.advance(hourMs)
          if (act === 'wait') continue
          const earlier = activated[back % Math.max(activated.length, 1)]
          if (act === 'rollback' ? earlier === undefined : act === 'scale' && active === undefined) continue
          const brings = act === 'deploy' || act === 'fail'
          const release: Release = brings
            ? aRelease(instance, ++version, { createdAt: timestamp(clock.now()) })
            : ((act === 'rollback' ? earlier : active) as Release)
          if (brings) await store.deploys.insertRelease(release)
          const kind = act === 'fail' ? 'deploy' : act
          const deployment = await ended(store, instance, clock, kind, release, act === 'fail' ? 'failed' : 'succeeded')
          if (act === 'fail' || act === 'scale') continue
          await store.deploys.activateRelease(instance.id, release.id, timestamp(clock.now()))
          await store.work.patch(instance.id, { activeDeploymentId: deployment.id })
          active = release
          if (!activated.includes(release)) activated.push(release)
        }
        await pruneAll(store, policy, limit)
        const targets = activated.toSorted((a, b) => b.version - a.version).slice(0, policy.keepReleases)
        const first = await store.deploys.firstRelease('acme', instance.id)
        assert.equal(first?.version, version === 0 ? undefined : 1)
        for (const target of [...targets, ...(active ? [active] : [])]) {
          const left = await store.deploys.getRelease('acme', target.id)
          assert.deepEqual([left?.services, left?.activatedAt !== undefined], [target.services, true])
        }
        assert.equal((await store.deploys.activeRelease('acme', instance.id))?.id, active?.id)
        const shown = await everyPage(page => store.deploys.listDeployments('acme', instance.id, page), 50)
        for (const { releaseId } of shown) assert.ok(await store.deploys.getRelease('acme', releaseId))
        assert.equal((await store.deploys.listDeployments('acme', instance.id)).total, shown.length)
      }),
      { numRuns: 20 },
    )
  })
}

interface Made {
  readonly deployment: Deployment
  readonly release: Release
}

async function deploys(store: Store, instance: Instance, clock: HandClock, many: number): Promise<Made[]> {
  const made: Made[] = []
  for (let n = 0; n < many; n++) {
    const version = await store.deploys.nextReleaseVersion(instance.tenantId, instance.id)
    const release = aRelease(instance, version, { createdAt: timestamp(clock.now()) })
    await store.deploys.insertRelease(release)
    made.push({ release, deployment: await ended(store, instance, clock, 'deploy', release, 'succeeded') })
  }
  return made
}

async function ended(
  store: Store,
  instance: Instance,
  clock: HandClock,
  kind: DeploymentKind,
  release: Release,
  state: DeploymentState,
): Promise<Deployment> {
  const finishedAt = timestamp(clock.now())
  const deployment = aDeployment(instance, { kind, releaseId: release.id, state, finishedAt })
  await store.deploys.insertDeployment(deployment, aRequest)
  return deployment
}

async function pruneAll(store: Store, cap: HistoryCap, limit: number) {
  const all = { deployments: 0, releases: 0 }
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { deployments, releases, next }: Awaited<ReturnType<Store['work']['pruneHistory']>> =
      await store.work.pruneHistory(cap, after, limit)
    all.deployments += deployments
    all.releases += releases
    after = next
  }
  return all
}

const ids = (made: readonly (Made | undefined)[], of: keyof Made): string[] => made.map(one => one?.[of].id ?? '')

const deploymentsOf = async (store: Store, { tenantId, id }: Instance) =>
  (await everyPage(page => store.deploys.listDeployments(tenantId, id, page), 50)).map(one => one.id).toReversed()

const releasesOf = async (store: Store, { tenantId, id }: Instance) =>
  (await everyPage(page => store.deploys.listReleases(tenantId, id, page), 50)).map(one => one.id).toReversed()
