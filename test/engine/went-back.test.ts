import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Store } from '../../src/deploy/work.ts'
import { isSlipwayError, SlipwayError } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { backupOf } from '../support/backup.ts'
import { type House, house, quick, successor } from './harness.ts'
import { names, running, started, traffic } from './look.ts'
import { life } from './mortal.ts'
import { assertSound, settled } from './sound.ts'

const needsAttention = (error: unknown) => isSlipwayError(error, 'needs_attention') && error.next !== undefined
const three = [
  { name: 'web', image: 'fake:web-1', ports: [{ name: 'http' }], healthCheck: quick, replicas: 2, expose: true },
  { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], healthCheck: quick },
  { name: 'worker', image: 'fake:worker-1' },
]

/** A shop whose database was backed up, which then went on as `meanwhile` says, and which another control plane finds with the backup put back. */
async function putBack(
  t: TestContext,
  meanwhile: (h: House, shop: Instance) => Promise<unknown>,
  before: (h: House, shop: Instance) => Promise<unknown> = async () => undefined,
  changed: (store: Store) => Store = store => store,
): Promise<{ h: House; shop: Instance }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-back-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const clock = fakeClock()
  const path = join(dataDir, 'slipway.db')
  const store = await sqliteStore({ path, clock })
  const first = life()
  const h = await house(t, { life: first, store, clock, dataDir })
  const shop = await h.shop({ services: three })
  await settled(h, shop.id)
  await before(h, shop)
  const backup = backupOf(path)
  await meanwhile(h, shop)
  first.kill()
  await store.close()
  await backup.putBack()
  return { h: await successor(t, h, { store: changed(await sqliteStore({ path, clock })) }), shop }
}

/** Takes web and worker to another release, one after the other. */
async function twoDeploys(h: House, shop: Instance): Promise<void> {
  for (const services of [
    [{ name: 'web', image: 'fake:web-2' }],
    [
      { name: 'web', image: 'fake:web-3' },
      { name: 'worker', image: 'fake:worker-3' },
    ],
  ]) {
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services }))
    assert.equal(end.state, 'succeeded')
  }
  await settled(h, shop.id)
}

/** A canary that is watched for so short that the lease is held meanwhile. */
const watched = { strategy: 'canary', options: { steps: [50], holdSeconds: 20, keepWarmSeconds: 0 } } as const

/** Another deployment waits for the one that was `asked` for, and both succeed. */
async function deployedTwice(h: House, instanceId: string, asked: Pick<Deployment, 'id'>): Promise<void> {
  const next = await h.acme.deploy({ instanceId, services: [{ name: 'web', image: 'fake:web-3' }] })
  for (const one of [asked, next]) assert.equal((await h.end(one)).state, 'succeeded')
}

async function scaledUpAndDown(h: House, instanceId: string, asked: Pick<Deployment, 'id'>): Promise<void> {
  const scaled: Pick<Deployment, 'id'>[] = []
  for (const worker of [2, 1]) scaled.push(await h.acme.instances.scale(instanceId, { worker }))
  for (const one of [asked, ...scaled]) assert.equal((await h.end(one)).state, 'succeeded')
  await settled(h, instanceId)
}

async function cancelled(h: House, instanceId: string, asked: Pick<Deployment, 'id'>): Promise<void> {
  await h.acme.cancel(asked.id)
  assert.equal((await h.end(asked)).restored, true)
  await settled(h, instanceId)
}

async function flagged(h: House, shop: Instance): Promise<Instance> {
  await h.when(async () => (await h.acme.instances.get(shop.id)).needsAttention !== undefined)
  return await h.acme.instances.get(shop.id)
}

describe('an instance whose database went back', () => {
  test('is marked, its world is left as it is, and the sentence and an event say what was found', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    const before = h.world.calls.length
    const routes = h.router.proxy.tables.get(shop.id)?.services
    const found = await flagged(h, shop)
    assert.match(
      found.needsAttention ?? '',
      /^The database went back: it knows the instance up to epoch \d+, and 3 replicas and the routes in use are of later ones/u,
    )
    assert.equal(found.state, 'running')
    await h.clock.advance(60_000)
    assert.equal(h.world.calls.length, before, 'nothing was started or stopped')
    assert.deepEqual(h.router.proxy.tables.get(shop.id)?.services, routes)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-3', 'fake:web-3'])
    const [told, ...more] = (await h.events({ instanceId: shop.id })).filter(
      event => event.type === 'instance.needs_attention',
    )
    assert.deepEqual(more, [], 'said once')
    assert.equal(told?.data?.['because'], found.needsAttention)
    const later = [...names(h, shop.id, 'web'), ...names(h, shop.id, 'worker')]
    assert.deepEqual(new Set(told?.data?.['found'] as string[]), new Set(later))
  })

  test('is not owned again and again, and its epoch is above all that was found', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    const highest = h.router.proxy.highest.get(shop.id)?.epoch ?? 0
    await flagged(h, shop)
    await h.clock.advance(5000)
    const epoch = (await h.store.work.load(shop.id))?.epoch ?? 0
    assert.ok(epoch > highest, `${epoch} > ${highest}`)
    await h.clock.advance(60_000)
    assert.equal((await h.store.work.load(shop.id))?.epoch, epoch)
  })

  test('is told of when that could not be written, and marked once it can', async t => {
    const full = { disk: true }
    const { h, shop } = await putBack(t, twoDeploys, undefined, store => ({
      ...store,
      transaction: act =>
        store.transaction(tx => {
          const raise: typeof tx.work.raise = (...args) =>
            full.disk ? Promise.reject(new SlipwayError('disk_full', 'No room.')) : tx.work.raise(...args)
          return act({ ...tx, work: { ...tx.work, raise } })
        }),
    }))
    await h.when(() => h.warnings.some(({ text }) => /went back, which could not be written/.test(text)))
    assert.equal((await h.acme.instances.get(shop.id)).needsAttention, undefined)
    full.disk = false
    await flagged(h, shop)
  })

  test('is noticed when it went back by a single lease, though all is as its table says', async t => {
    const { h, shop } = await putBack(t, async (first, { id }) => {
      first.world.crash(id, names(first, id, 'api')[0] ?? '')
      const epoch = (await first.store.work.load(id))?.epoch ?? 0
      await first.when(() => first.world.replicas(id).some(replica => replica.epoch > epoch))
      await settled(first, id)
    })
    assert.deepEqual(running(h, shop.id).api, ['fake:api-1'], 'all is as the table says')
    await flagged(h, shop)
  })

  for (const [how, carriedOn] of [
    ['other deployments were carried out', deployedTwice],
    ['the deployment was taken back', cancelled],
    ['there was nothing to route and nothing new to run in the end', scaledUpAndDown],
  ] as const) {
    test(`is noticed when ${how} under the lease held at the backup`, async t => {
      let asked: Pick<Deployment, 'id'> = { id: '' }
      const { h, shop } = await putBack(
        t,
        (first, { id }) => carriedOn(first, id, asked),
        async (first, { id }) => {
          asked = await first.acme.deploy({
            instanceId: id,
            services: [{ name: 'web', image: 'fake:web-2' }],
            ...watched,
          })
          await first.reach(asked, now => now.reason?.code === 'baking')
          assert.notEqual((await first.store.work.load(id))?.owner, undefined, 'the lease is held')
        },
      )
      const before = [running(h, shop.id), traffic(h, shop.id)]
      const calls = h.world.calls.length
      await flagged(h, shop)
      await h.clock.advance(60_000)
      assert.deepEqual([running(h, shop.id), traffic(h, shop.id)], before)
      assert.equal(h.world.calls.length, calls, 'nothing was started or stopped')
    })
  }

  test('shows what its table does not want, and refuses what would change it until it is adopted', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    await flagged(h, shop)
    const { replicas } = await h.acme.status(shop.id)
    assert.deepEqual(
      replicas
        .filter(replica => replica.unwanted)
        .map(replica => replica.service)
        .toSorted(),
      ['web', 'web', 'worker'],
    )
    const services = [{ name: 'web', image: 'fake:web-4' }]
    const { instances } = h.acme
    const changes: readonly (() => Promise<unknown>)[] = [
      () => h.acme.deploy({ instanceId: shop.id, services }),
      () => h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }),
      () => instances.scale(shop.id, { web: 3 }),
      () => instances.restart(shop.id),
      () => instances.stop(shop.id),
      () => instances.update(shop.id, { name: 'kiosk' }),
    ]
    for (const change of changes) await assert.rejects(change, needsAttention)
    assert.equal((await h.acme.listReleases(shop.id)).total, 1, 'nothing was written')
    assert.equal((await instances.list()).items[0]?.needsAttention, (await instances.get(shop.id)).needsAttention)
  })

  test('gets back what serves and died, and no old version is put beside a new one or in its place', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    await flagged(h, shop)
    const [api = ''] = names(h, shop.id, 'api')
    const [web = ''] = names(h, shop.id, 'web')
    const [worker = ''] = names(h, shop.id, 'worker')
    for (const name of [api, web, worker]) h.world.crash(shop.id, name)
    await h.when(() => running(h, shop.id).api?.length === 1)
    await h.when(() => endpoints(h, shop, 'web') === 1)
    await h.clock.advance(60_000)
    assert.deepEqual(running(h, shop.id), { web: ['fake:web-3'], api: ['fake:api-1'] })
    assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-3': 100 }, api: { 'fake:api-1': 100 } })
    assert.equal(endpoints(h, shop, 'api'), 1)
  })

  test('does not judge by an old check who came after it', async t => {
    const { h, shop } = await putBack(t, async (first, { id }) => {
      const other = { ...quick, path: '/ready', unhealthyAfter: 1 }
      const services = [{ name: 'web', image: 'fake:web-2', healthCheck: other }]
      await first.end(await first.acme.deploy({ instanceId: id, services }))
    })
    for (const name of names(h, shop.id, 'web')) h.world.setCondition(shop.id, name, 'sick')
    await flagged(h, shop)
    await h.clock.advance(60_000)
    assert.equal(endpoints(h, shop, 'web'), 2)
  })

  test('keeps the routes of a service that the database does not know', async t => {
    const { h, shop } = await putBack(t, async (first, { id }) => {
      const cache = { name: 'cache', image: 'fake:cache-1', ports: [{ name: 'http' }], healthCheck: quick }
      const services = [...three.map(({ name, image }) => ({ name, image })), cache]
      const end = await first.end(await first.acme.deploy({ instanceId: id, services, complete: true }))
      assert.equal(end.state, 'succeeded')
    })
    await flagged(h, shop)
    await h.clock.advance(10_000)
    assert.deepEqual(traffic(h, shop.id)['cache'], { 'fake:cache-1': 100 })
    await h.acme.instances.adopt(shop.id)
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id)['cache'], undefined)
    assert.deepEqual(traffic(h, shop.id)['cache'], undefined)
  })

  test('gets its routes back from a router that lost them', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    await flagged(h, shop)
    await h.clock.advance(5000)
    const before = traffic(h, shop.id)
    h.router.forgetAll()
    await h.when(() => h.router.proxy.tables.has(shop.id))
    assert.deepEqual(traffic(h, shop.id), before)
    assert.equal(endpoints(h, shop, 'web'), 2)
    h.router.forgetAll()
    const [web = ''] = names(h, shop.id, 'web')
    h.world.crash(shop.id, web)
    await h.when(() => endpoints(h, shop, 'web') === 1)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-3'])
  })

  test('runs exactly its table once it is adopted, by way of the gates, and takes deploys again', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    await flagged(h, shop)
    const from = h.router.applied.length
    const { instance, leaves } = await h.acme.instances.adopt(shop.id)
    assert.equal('needsAttention' in instance, false)
    assert.deepEqual(leaves?.toSorted(), [...names(h, shop.id, 'web'), ...names(h, shop.id, 'worker')].toSorted())
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id), {
      web: ['fake:web-1', 'fake:web-1'],
      api: ['fake:api-1'],
      worker: ['fake:worker-1'],
    })
    for (const { table } of h.router.applied.slice(from)) {
      const serving = Object.values(table.services['web']?.revisions ?? {}).filter(
        route => route.weight > 0 && route.endpoints.some(end => end.state === 'serving'),
      )
      assert.ok(serving.length > 0, 'web serves all the time')
    }
    const adopted = (await h.events({ instanceId: shop.id })).find(event => event.type === 'instance.adopted')
    assert.deepEqual([adopted?.data?.['by'], adopted?.data?.['leaves']], ['ana', leaves])
    const next = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-5' }] }),
    )
    assert.equal(next.state, 'succeeded')
    await settled(h, shop.id)
    await assertSound(h, shop.id)
  })

  test('goes on with what was under way in it only once it is adopted', async t => {
    const { h, shop } = await putBack(
      t,
      async (first, { id }) => {
        const [, waiting] = (await first.acme.listDeployments(id)).items
        await first.acme.promote(waiting?.id ?? '')
        assert.equal((await first.end({ id: waiting?.id ?? '' })).state, 'succeeded')
      },
      async (first, { id }) => {
        const services = [{ name: 'web', image: 'fake:web-2' }]
        const options = { preview: true, keepWarmSeconds: 0 }
        const asked = await first.acme.deploy({ instanceId: id, services, strategy: 'blue-green', options })
        await first.reach(asked, now => now.reason?.code === 'awaiting_promote')
        await first.acme.deploy({ instanceId: id, services: [{ name: 'api', image: 'fake:api-2' }] })
      },
    )
    await flagged(h, shop)
    const { items } = await h.acme.listDeployments(shop.id)
    const [queued, paused] = items
    await h.acme.promote(paused?.id ?? '')
    await h.clock.advance(60_000)
    assert.equal((await h.acme.getDeployment(paused?.id ?? '')).state, 'running')
    assert.equal((await h.acme.getDeployment(queued?.id ?? '')).state, 'pending')
    await h.acme.instances.adopt(shop.id)
    assert.equal((await h.end({ id: paused?.id ?? '' })).state, 'succeeded')
    assert.equal((await h.end({ id: queued?.id ?? '' })).state, 'succeeded')
    await settled(h, shop.id)
    assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-2': 100 }, api: { 'fake:api-2': 100 } })
    await assertSound(h, shop.id)
  })

  test('can be deleted as it is', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    await flagged(h, shop)
    const starts = started(h, shop.id).length
    assert.equal((await h.end(await h.acme.instances.delete(shop.id))).state, 'succeeded')
    assert.equal(started(h, shop.id).length, starts, 'nothing is brought back to be taken down')
    assert.deepEqual(h.world.replicas(shop.id), [])
    assert.equal(h.router.proxy.tables.get(shop.id), undefined)
  })

  test('is noticed late when the platform did not answer first', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    h.world.unreachable = true
    h.router.unreachable = true
    await h.clock.advance(30_000)
    assert.equal((await h.acme.instances.get(shop.id)).needsAttention, undefined)
    h.world.unreachable = false
    h.router.unreachable = false
    await flagged(h, shop)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-3', 'fake:web-3'])
  })
})

describe('adopt', () => {
  test('is for an instance that needs attention, of the own tenant', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await assert.rejects(h.acme.instances.adopt(shop.id), error => isSlipwayError(error, 'instance_state'))
    const other = h.slipway.as({ tenantId: 'other', subject: 'eve' })
    await assert.rejects(other.instances.adopt(shop.id), error => isSlipwayError(error, 'not_found'))
    await assert.rejects(h.acme.instances.adopt('inst_none'), error => isSlipwayError(error, 'not_found'))
  })

  test('is refused for a stuck delete, which can be asked for again', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 60_000 } })
    h.world.fault({ method: 'stop', probability: 1, error: new Error('the platform is stuck') })
    assert.equal((await h.end(await h.acme.instances.delete(shop.id))).state, 'failed')
    await assert.rejects(
      h.acme.instances.adopt(shop.id),
      error => isSlipwayError(error, 'instance_state') && /Delete it again/.test(error.next ?? ''),
    )
    const { state, needsAttention } = await h.acme.instances.get(shop.id)
    assert.deepEqual([state, needsAttention !== undefined], ['deleting', true])
    h.world.clearFaults()
    assert.equal((await h.end(await h.acme.instances.delete(shop.id))).state, 'succeeded')
    assert.deepEqual(h.world.replicas(shop.id), [])
  })

  test('does not wait for a platform that is away', async t => {
    const { h, shop } = await putBack(t, twoDeploys)
    await flagged(h, shop)
    h.world.unreachable = true
    const { instance, leaves } = await h.acme.instances.adopt(shop.id)
    assert.deepEqual([instance.needsAttention, leaves], [undefined, undefined])
    h.world.unreachable = false
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
  })
})

/** Endpoints of a service that get new requests. */
function endpoints(h: House, shop: Instance, service: string): number {
  const revisions = Object.values(h.router.proxy.tables.get(shop.id)?.services[service]?.revisions ?? {})
  return revisions.flatMap(({ endpoints: all }) => all.filter(({ state }) => state === 'serving')).length
}
