import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claim } from '../../../src/deploy/work.ts'
import { isSlipwayError } from '../../../src/errors.ts'
import { aDeployment, anInstance, type MakeStore, world } from './fixtures.ts'

const lost = (error: unknown) => isSlipwayError(error, 'lease_lost')

export function leaseTests(makeStore: MakeStore): void {
  const withWorker = async (t: Parameters<MakeStore>[0]) => {
    const all = await world(t, makeStore)
    await all.store.work.registerWorker('w1')
    return all
  }

  test('an instance is claimed by one worker at a time, under an epoch that only grows', async t => {
    const { store, instance } = await withWorker(t)
    const first = await store.work.claim('w1', instance.id)
    assert.deepEqual(first, { instanceId: instance.id, tenantId: 'acme', owner: 'w1', epoch: 1 })
    assert.equal(await store.work.claim('w1', instance.id), undefined)
    assert.equal((await store.work.load(instance.id))?.owner, 'w1')
    assert.equal(await store.work.release(first, null), true)
    assert.equal('owner' in ((await store.work.load(instance.id)) ?? {}), false)
    assert.equal((await store.work.claim('w1', instance.id))?.epoch, 2)
    assert.equal(await store.work.claim('w1', 'inst_none'), undefined)
  })

  test('a clock that is set back makes everything due that waits for a moment: nobody waits until it has caught up', async t => {
    const { store, instance, clock } = await withWorker(t)
    const waiting = async (): Promise<Claim[]> => {
      const claim = (await store.work.claim('w1', instance.id)) as Claim
      await store.work.release(claim, clock.now() + 2_000)
      clock.advance(-3_600_000)
      return await store.work.claimDue('w1', 10)
    }
    const dueOnce = async (): Promise<void> => {
      const [claim] = await store.work.claimDue('w1', 10)
      await store.work.release(claim as Claim, null)
    }
    assert.deepEqual(await waiting(), [])
    assert.equal(await store.work.beat('w1'), true)
    await dueOnce()
    await store.work.wake(instance.id)
    await dueOnce()

    assert.deepEqual(await waiting(), [])
    await store.work.registerWorker('w1')
    await dueOnce()
  })

  test('of many that claim at once exactly one gets it', async t => {
    const { store, instance } = await withWorker(t)
    const claims = await Promise.all(Array.from({ length: 20 }, () => store.work.claim('w1', instance.id)))
    assert.equal(claims.filter(Boolean).length, 1)
  })

  test('due instances are claimed in the order in which they were due, released ones first', async t => {
    const { store, instance, clock } = await withWorker(t)
    const names = ['late', 'soon', 'released', 'idle']
    const [late, soon, released, idle] = names.map(name => anInstance({ name })) as [
      typeof instance,
      ...(typeof instance)[],
    ]
    for (const each of [late, soon, released, idle]) await store.instances.insert(each as typeof instance)
    const parkUntil = async (id: string | undefined, wakeAt: number | null) => {
      await store.work.release((await store.work.claim('w1', id ?? '')) as Claim, wakeAt)
    }
    const now = clock.now()
    await parkUntil(late.id, now + 2_000)
    await parkUntil(soon?.id, now + 1_000)
    await parkUntil(released?.id, 0)
    await parkUntil(idle?.id, null)
    const due = async (limit: number) => (await store.work.claimDue('w1', limit)).map(({ instanceId }) => instanceId)

    assert.equal(await store.work.nextWake(), 0)
    assert.deepEqual(await due(10), [released?.id])
    assert.equal(await store.work.nextWake(), now + 1_000)
    clock.advance(2_000)
    assert.deepEqual(await due(1), [soon?.id])
    assert.deepEqual(await due(10), [late.id])
    assert.deepEqual(await due(10), [])
    assert.equal(await store.work.nextWake(), undefined)
  })

  test('a hundred due instances are shared out once each between those that claim at once', async t => {
    const { store } = await withWorker(t)
    for (let i = 0; i < 100; i++) {
      const instance = anInstance({ name: `n${i}` })
      await store.instances.insert(instance)
      await store.work.wake(instance.id)
    }
    const batches = await Promise.all(Array.from({ length: 30 }, () => store.work.claimDue('w1', 7)))
    const ids = batches.flat().map(({ instanceId }) => instanceId)
    assert.equal(ids.length, 100)
    assert.equal(new Set(ids).size, 100)
    assert.ok(batches.every(batch => batch.length <= 7))
  })

  test('a wake makes an instance due now, and is not lost while somebody has it', async t => {
    const { store, instance, clock } = await withWorker(t)
    await store.work.wake(instance.id)
    assert.equal(await store.work.nextWake(), clock.now())
    const [claim] = await store.work.claimDue('w1', 1)
    assert.ok(claim)
    assert.equal(await store.work.nextWake(), undefined)
    await store.work.wake(instance.id)
    assert.equal(await store.work.release(claim, null), true)
    const [again] = await store.work.claimDue('w1', 1)
    assert.ok(again)
    // Answered by this claim: given back with nothing to wait for, it rests.
    assert.equal(await store.work.release(again, null), true)
    assert.equal(await store.work.nextWake(), undefined)
  })

  test('a wake never makes an instance wait longer than it did', async t => {
    const { store, instance, clock } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await store.work.release(claim, 0)
    clock.advance(1_000)
    await store.work.wake(instance.id)
    assert.equal(await store.work.nextWake(), 0)
  })

  test('a fence lets the owner through and nobody else', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    assert.equal(await store.work.fence(claim), 0)
    await assert.rejects(store.work.fence({ ...claim, owner: 'w2' }), lost)
    await assert.rejects(store.work.fence({ ...claim, epoch: 2 }), lost)
    await assert.rejects(store.work.fence({ ...claim, epoch: 0 }), lost)
    await store.work.release(claim, null)
    await assert.rejects(store.work.fence(claim), lost)
    await store.work.claim('w1', instance.id)
    await assert.rejects(store.work.fence(claim), lost)
  })

  test('a fence that refuses takes the rest of its transaction with it', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await store.work.release(claim, null)
    const late = store.transaction(async tx => {
      await tx.work.patch(instance.id, { generations: { web: 9 } })
      await tx.work.fence(claim)
    })
    await assert.rejects(late, lost)
    assert.deepEqual((await store.work.load(instance.id))?.generations, {})
  })

  test('a worker whose heartbeat is late is refused, and its late beat brings no lease back', async t => {
    const { store, instance, clock } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    clock.advance(4_000)
    assert.equal(await store.work.beat('w1'), true)
    clock.advance(4_000)
    await store.work.fence(claim)
    clock.advance(1_001)
    await assert.rejects(store.work.fence(claim), lost)
    assert.equal(await store.work.beat('w1'), true)
    await assert.rejects(store.work.fence(claim), lost)
    const [again] = await store.work.claimDue('w1', 1)
    assert.equal(again?.epoch, 2)
    await store.work.fence(again)
  })

  test('a worker that is gone beats no more, and what it had is due at once', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await store.work.removeWorker('w1')
    assert.equal(await store.work.beat('w1'), false)
    await assert.rejects(store.work.fence(claim), lost)
    assert.equal(await store.work.nextWake(), 0)
  })

  test('a lease is given back only by its owner, and with a signal number only if no later signal came', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    const deployment = aDeployment(instance)
    const told = { deploymentId: deployment.id, instanceId: instance.id, kind: 'cancel', by: 'ann' } as const
    assert.equal((await store.work.signal(told)).seq, 1)
    assert.equal(await store.work.release(claim, null, 0), false)
    assert.equal(await store.work.fence(claim), 1)
    assert.equal(await store.work.release({ ...claim, epoch: 7 }, null, 1), false)
    assert.equal(await store.work.release(claim, null, 1), true)
    assert.equal(await store.work.release(claim, null, 1), false)
  })

  test('an epoch is raised above what was found, by the owner only, and the instance is due at once', async t => {
    const { store, instance, clock } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await assert.rejects(store.work.raise({ ...claim, owner: 'w2' }, 40), lost)
    await assert.rejects(store.work.raise({ ...claim, epoch: claim.epoch - 1 }, 40), lost)
    await store.work.raise(claim, 40)
    await assert.rejects(store.work.fence(claim), lost)
    const [next] = await store.work.claimDue('w1', 5)
    assert.deepEqual(next, { instanceId: instance.id, tenantId: 'acme', owner: 'w1', epoch: 41 })
    await store.work.raise(next, 3)
    assert.equal((await store.work.claim('w1', instance.id))?.epoch, 42, 'never lowered')
    clock.advance(6_000)
    await assert.rejects(store.work.raise({ ...next, epoch: 42 }, 50), lost)
  })

  test('a lease goes on under the next epoch, for its owner only and while the heart beats, and nothing passes under the one before', async t => {
    const { store, instance, clock } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await assert.rejects(store.work.advance({ ...claim, owner: 'w2' }), lost)
    await assert.rejects(store.work.advance({ ...claim, epoch: claim.epoch - 1 }), lost)
    const next = await store.work.advance(claim)
    assert.deepEqual(next, { ...claim, epoch: claim.epoch + 1 })
    await store.work.fence(next)
    await assert.rejects(store.work.fence(claim), lost)
    await assert.rejects(store.work.advance(claim), lost)
    assert.equal(await store.work.release(claim, null), false)
    clock.advance(6_000)
    await assert.rejects(store.work.advance(next), lost)
    assert.equal(await store.work.release(next, null), true)
    await assert.rejects(store.work.advance(next), lost)
    assert.equal((await store.work.claim('w1', instance.id))?.epoch, next.epoch + 1)
  })

  test('a wake that comes before an epoch is advanced is not lost by it', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await store.work.wake(instance.id)
    const next = await store.work.advance(claim)
    assert.equal(await store.work.release(next, null), true)
    assert.equal((await store.work.claimDue('w1', 1)).length, 1)
  })

  test('an advance is part of its transaction', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    const undone = store.transaction(async tx => {
      await tx.work.fence(await tx.work.advance(claim))
      throw new Error('never mind')
    })
    await assert.rejects(undone, /never mind/)
    await store.work.fence(claim)
  })

  test('a raise is part of its transaction', async t => {
    const { store, instance } = await withWorker(t)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    const undone = store.transaction(async tx => {
      await tx.work.raise(claim, 40)
      throw new Error('never mind')
    })
    await assert.rejects(undone, /never mind/)
    await store.work.fence(claim)
  })

  test('a deleted instance is not living, not due and not to be claimed, but its owner may give it back', async t => {
    const { store, instance } = await withWorker(t)
    const second = anInstance({ name: 'second' })
    await store.instances.insert(second)
    await store.work.wake(instance.id)
    const claim = (await store.work.claim('w1', instance.id)) as Claim
    await store.work.wake(instance.id)
    await store.instances.delete('acme', instance.id)
    await store.work.wake(instance.id)
    assert.deepEqual(await store.work.living(), [second.id])
    await store.work.fence(claim)
    assert.equal(await store.work.release(claim, 0), true)
    assert.equal(await store.work.nextWake(), undefined)
    assert.equal(await store.work.claim('w1', instance.id), undefined)
    assert.deepEqual(await store.work.claimDue('w1', 5), [])
  })
}
