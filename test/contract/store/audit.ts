import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEntry, NewAuditEntry } from '../../../src/audit/entry.ts'
import { everyPage, type MakeStore, world } from './fixtures.ts'

const anEntry = (more: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  tenantId: 'acme',
  actor: 'ana',
  action: 'instance.stop',
  object: { kind: 'instance', id: 'inst_1', name: 'shop' },
  ...more,
})

/** What was told, without what the store gave it. */
function withoutPlace({ id, createdAt, ...told }: AuditEntry): NewAuditEntry {
  assert.match(`${id} ${createdAt}`, /^aud_\w{26} \d{4}-.*Z$/)
  return told
}

export function auditTests(makeStore: MakeStore): void {
  test('an entry comes back as it was told, with its time, newest first', async t => {
    const { store } = await world(t, makeStore)
    const whole = anEntry({
      tokenId: 'tok_1',
      operator: true,
      origin: { via: 'api', requestId: 'req_1', address: '::1' },
      instanceId: 'inst_1',
      before: { state: 'running' },
      after: { deploymentId: 'dep_1' },
    })
    await store.audit.append(anEntry())
    await store.audit.append(whole)
    const { items, total } = await store.audit.list('acme')
    assert.equal(total, 2)
    assert.deepEqual(items.map(withoutPlace), [whole, anEntry()])
  })

  test('it is gone with the transaction that it is part of', async t => {
    const { store } = await world(t, makeStore)
    await assert.rejects(
      store.transaction(async tx => {
        await tx.audit.append(anEntry())
        throw new Error('no')
      }),
    )
    assert.equal((await store.audit.list('acme')).total, 0)
  })

  test('it is found by who, what, on what and when, by its tenant only, and page by page', async t => {
    const { store, clock } = await world(t, makeStore)
    const ids: string[] = []
    for (const actor of ['ana', 'ben', 'ana']) {
      await store.audit.append(anEntry({ actor, object: { kind: 'token', id: `tok_${ids.length}` } }))
      const [newest] = (await store.audit.list('acme', { limit: 1 })).items
      ids.push(newest?.id ?? '')
      clock.advance(1000)
    }
    await store.audit.append(anEntry({ tenantId: 'globex', action: 'secret.store', instanceId: 'inst_9' }))
    const found = async (tenant: string, filter = {}): Promise<number> => (await store.audit.list(tenant, filter)).total
    assert.equal(await found('acme', { actor: 'ana' }), 2)
    assert.equal(await found('acme', { objectId: 'tok_1' }), 1)
    assert.equal(await found('acme', { actions: ['secret.store'] }), 0)
    assert.equal(await found('globex', { actions: ['secret.store', 'instance.stop'] }), 1)
    assert.equal(await found('acme', { instanceId: 'inst_9' }), 0)
    assert.equal(await found('*', { instanceId: 'inst_9' }), 1)
    assert.equal(await found('*'), 4)
    const second = (await store.audit.list('acme', { objectId: 'tok_1' })).items[0]?.createdAt ?? ''
    assert.equal(await found('acme', { since: second }), 2)
    assert.equal(await found('acme', { until: second }), 1)
    const paged = await everyPage(options => store.audit.list('acme', options), 2)
    assert.deepEqual(
      paged.map(entry => entry.id),
      ids.toReversed(),
    )
  })

  test('old entries are dropped a few at a time, and no other', async t => {
    const { store, clock } = await world(t, makeStore)
    for (let n = 0; n < 4; n++) {
      await store.audit.append(anEntry({ actor: `a${n}` }))
      clock.advance(1000)
    }
    const third = (await store.audit.list('acme', { actor: 'a2' })).items[0]?.createdAt ?? ''
    assert.equal(await store.audit.prune(third, 1), 1)
    assert.equal(await store.audit.prune(third, 10), 1)
    assert.equal(await store.audit.prune(third, 10), 0)
    assert.deepEqual(
      (await store.audit.list('acme')).items.map(entry => entry.actor),
      ['a3', 'a2'],
    )
  })
}
