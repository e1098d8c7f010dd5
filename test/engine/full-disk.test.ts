import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type House, house, web } from './harness.ts'

for (const full of [
  new SlipwayError('disk_full', 'The disk is full.'),
  new SlipwayError('overloaded', 'The disk is too slow for all that is asked of it.'),
]) {
  describe(`a disk that refuses with ${full.code}`, () => {
    test('a lease that can not be given back is given back once it can', async t => {
      const { h, disk } = await onDisk(t, full)
      const shop = await h.shop({ services: [web('fake:web-1')] })
      const services = [{ name: 'web', image: 'fake:web-2' }]
      h.world.script({ image: 'fake:web-2' }, { readyMs: 2000 })
      const deploy = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' })
      await h.reach(deploy, now => now.reason?.code === 'health')
      disk.full = true
      await h.when(() => h.warnings.some(({ text }) => text === 'a lease could not be given back'))
      // The heart beats on: nobody takes the lease away, and it is ours for as long as it is not given back.
      await h.clock.advance(60_000)
      disk.full = false
      assert.equal((await h.end(deploy, 5000)).state, 'succeeded')
    })

    test('a step that stands still for it is not given up, and goes on within seconds', async t => {
      const { h } = await onDisk(t, full)
      const shop = await h.shop({ services: [web('fake:web-1')], policies: { progressDeadlineMs: 5000 } })
      for (const method of ['prepare', 'start', 'apply'] as const) {
        const image = `fake:web-${method}`
        const platform = method === 'apply' ? h.router : h.world
        const deploy = await h.acme.deploy({
          instanceId: shop.id,
          services: [{ name: 'web', image }],
          strategy: 'blue-green',
          options: { keepWarmSeconds: 0 },
        })
        platform.fault({ method, probability: 1, error: full } as never)
        await h.reach(deploy, now => now.state === 'running')
        await h.clock.advance(120_000)
        assert.equal((await h.acme.getDeployment(deploy.id)).state, 'running', method)
        platform.clearFaults()
        assert.equal((await h.end(deploy, 10_000)).state, 'succeeded', method)
      }
    })

    test('an undo that it keeps from being written is taken up again, and restores', async t => {
      const { h, disk } = await onDisk(t, full)
      const shop = await h.shop({ services: [web('fake:web-1')] })
      h.world.script({ image: 'fake:web-2' }, { readyMs: 'never', stopMs: 3000 })
      const services = [{ name: 'web', image: 'fake:web-2' }]
      const deploy = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' })
      await h.reach(deploy, now => now.reason?.code === 'health')
      await h.acme.cancel(deploy.id)
      await h.reach(deploy, now => now.reason?.code === 'undoing')
      // For one write only: by the time the undo could be written off there is room again.
      disk.fullFor = 1
      const { state, restored } = await h.end(deploy, 10_000)
      assert.deepEqual([state, restored], ['cancelled', true])
    })

    test('it is told of once for as long as it lasts', async t => {
      const { h } = await onDisk(t, full)
      const shop = await h.shop({ services: [web('fake:web-1')] })
      const deploy = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
      h.router.fault({ method: 'apply', probability: 1, error: full })
      await h.clock.advance(120_000)
      const told = h.warnings.filter(({ data }) => JSON.stringify(data).includes(full.message))
      assert.equal(told.length, 1)
      h.router.clearFaults()
      assert.equal((await h.end(deploy)).state, 'succeeded')
    })
  })
}

/** A house whose store has no room, while it is told so, for anything but heartbeats: those overwrite. */
async function onDisk(
  t: TestContext,
  full: SlipwayError,
): Promise<{ h: House; disk: { full: boolean; fullFor: number } }> {
  const clock = fakeClock()
  const store = await sqliteStore({ path: ':memory:', clock })
  const disk = { full: false, fullFor: 0 }
  const orFull =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      disk.full ? Promise.reject(full) : act(...args)
  const { release, claimDue, claim } = store.work
  const limited: Store = {
    ...store,
    work: { ...store.work, release: orFull(release), claimDue: orFull(claimDue), claim: orFull(claim) },
    transaction: work => {
      if (!disk.full && disk.fullFor === 0) return store.transaction(work)
      disk.fullFor = Math.max(0, disk.fullFor - 1)
      return Promise.reject(full)
    },
  }
  return { h: await house(t, { clock, store: limited }), disk }
}
