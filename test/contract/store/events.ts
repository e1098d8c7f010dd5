import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewEvent } from '../../../src/event/event.ts'
import { type MakeStore, world } from './fixtures.ts'

export function eventTests(makeStore: MakeStore): void {
  test('events are read in the order in which they were written', async t => {
    const { store, clock } = await world(t, makeStore)
    assert.equal(await store.events.lastSeq(), 0)
    const full: NewEvent = {
      type: 'deploy.progress',
      tenantId: 'acme',
      instanceId: 'inst_1',
      deploymentId: 'dep_1',
      releaseId: 'rel_1',
      data: { percent: 5, nested: { list: [1, null] } },
    }
    const first = await store.events.append(full)
    const second = await store.events.append({ type: 'secret.rotated', tenantId: 'acme' })
    assert.ok(second.seq > first.seq)
    assert.deepEqual(first, { ...full, id: first.id, seq: first.seq, at: new Date(clock.now()).toISOString() })
    assert.deepEqual(await store.events.read({ after: 0, limit: 10 }), [first, second])
    assert.deepEqual(await store.events.read({ after: 0, limit: 1 }), [first])
    assert.deepEqual(await store.events.read({ after: first.seq, limit: 10 }), [second])
    assert.deepEqual(await store.events.recent({ limit: 10 }), [second, first])
    assert.equal(await store.events.lastSeq(), second.seq)
  })

  test('a reader sees only what it asked for', async t => {
    const { store } = await world(t, makeStore)
    const scopes = [
      { tenantId: 'acme', instanceId: 'i1', deploymentId: 'd1' },
      { tenantId: 'acme', instanceId: 'i1', deploymentId: 'd2' },
      { tenantId: 'acme', instanceId: 'i2' },
      { tenantId: 'other', instanceId: 'i3', deploymentId: 'd3' },
    ]
    for (const scope of scopes) {
      for (const type of ['deploy.started', 'deploy.succeeded'] as const) await store.events.append({ type, ...scope })
    }
    const count = async (query: object) => (await store.events.read({ after: 0, limit: 100, ...query })).length
    assert.equal(await count({ tenantId: 'acme' }), 6)
    assert.equal(await count({ instanceId: 'i1' }), 4)
    assert.equal(await count({ deploymentId: 'd1', types: ['deploy.succeeded'] }), 1)
    assert.equal(await count({ types: ['deploy.started', 'deploy.failed'] }), 4)
    assert.equal(await count({ types: [] }), 0)
    assert.equal(await count({ tenantId: 'other', deploymentId: 'd1' }), 0)
    const recent = await store.events.recent({ tenantId: 'acme', instanceId: 'i1', deploymentId: 'd2', limit: 1 })
    assert.deepEqual(
      recent.map(({ type, deploymentId }) => [type, deploymentId]),
      [['deploy.succeeded', 'd2']],
    )
  })

  test('a reader that goes on from where it was sees every event once, in order, while others write', async t => {
    const { store } = await world(t, makeStore)
    const writers = Array.from({ length: 10 }, (_, writer) =>
      store.transaction(async tx => {
        for (let n = 0; n < 5; n++) {
          await tx.events.append({ type: 'deploy.progress', tenantId: 'acme', data: { writer, n } })
        }
      }),
    )
    const seen: unknown[] = []
    let after = 0
    const read = async () => {
      for (const event of await store.events.read({ after, limit: 3 })) {
        assert.ok(event.seq > after)
        after = event.seq
        seen.push(event.data)
      }
    }
    for (let reads = 0; seen.length < 50 && reads < 1_000; reads++) await read()
    await read()
    await Promise.all(writers)
    assert.equal(seen.length, 50)
    assert.equal(new Set(seen.map(data => JSON.stringify(data))).size, 50)
  })

  test('an event of a transaction that failed was never there', async t => {
    const { store } = await world(t, makeStore)
    const failing = store.transaction(async tx => {
      await tx.events.append({ type: 'deploy.started', tenantId: 'acme' })
      throw new Error('no')
    })
    await assert.rejects(failing)
    assert.equal(await store.events.lastSeq(), 0)
  })

  test('a subscriber finds the place it left', async t => {
    const { store } = await world(t, makeStore)
    assert.equal(await store.events.cursor('hook'), 0)
    await store.events.setCursor('hook', 5)
    await store.events.setCursor('hook', 9)
    await store.events.setCursor('page', 1)
    assert.equal(await store.events.cursor('hook'), 9)
    assert.equal(await store.events.cursor('page'), 1)
  })
}
