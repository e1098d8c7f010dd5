import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Token } from '../../../src/auth/token.ts'
import { newId } from '../../../src/id.ts'
import { everyPage, type MakeStore, someTime, world } from './fixtures.ts'

const later = '2026-11-24T00:00:00.000Z'
const end = '2027-01-01T00:00:00.000Z'

const aToken = (more: Partial<Token> = {}): Token => ({
  id: newId('tok'),
  createdAt: someTime,
  tenantId: 'acme',
  name: 'ci',
  scopes: ['read', 'deploy'],
  createdBy: 'ana',
  expiresAt: end,
  ...more,
})

export function tokenTests(makeStore: MakeStore): void {
  test('a token comes back by its hash and by its id, absent fields absent', async t => {
    const { store } = await world(t, makeStore)
    const [plain, narrow] = [aToken(), aToken({ instances: ['inst_1'] })]
    await store.tokens.insert(plain, 'aa')
    await store.tokens.insert(narrow, 'bb')
    assert.deepEqual(await store.tokens.byHash('aa', someTime), plain)
    assert.deepEqual(await store.tokens.byHash('bb', someTime), narrow)
    assert.equal(await store.tokens.byHash('cc', someTime), undefined)
    assert.deepEqual(await store.tokens.get('acme', narrow.id), narrow)
    assert.equal(await store.tokens.get('other', narrow.id), undefined)
  })

  test('after a rotation the hash before is good until its time is over', async t => {
    const { store } = await world(t, makeStore)
    const token = aToken()
    await store.tokens.insert(token, 'old')
    assert.equal(await store.tokens.rotate(token, 'new', someTime, later, end), true)
    assert.equal((await store.tokens.byHash('old', someTime))?.id, token.id)
    assert.equal(await store.tokens.byHash('old', later), undefined)
    assert.equal((await store.tokens.byHash('new', later))?.rotatedAt, someTime)
  })

  test('of two rotations of what both saw one happens, and none of a revoked token', async t => {
    const { store } = await world(t, makeStore)
    const token = aToken()
    await store.tokens.insert(token, 'one')
    assert.equal(await store.tokens.rotate(token, 'two', someTime, later, end), true)
    assert.equal(await store.tokens.rotate(token, 'three', later, later, end), false)
    const now = await store.tokens.get('acme', token.id)
    assert.ok(now)
    await store.tokens.revoke('acme', token.id, later)
    assert.equal(await store.tokens.rotate(now, 'four', later, later, end), false)
  })

  test('a token is revoked by its tenant only, and keeps its first stamp', async t => {
    const { store } = await world(t, makeStore)
    const token = aToken()
    await store.tokens.insert(token, 'aa')
    await store.tokens.revoke('other', token.id, someTime)
    assert.equal((await store.tokens.get('acme', token.id))?.revokedAt, undefined)
    await store.tokens.revoke('acme', token.id, someTime)
    await store.tokens.revoke('acme', token.id, later)
    assert.equal((await store.tokens.byHash('aa', later))?.revokedAt, someTime)
  })

  test('tokens are listed newest first, page by page, each tenant its own', async t => {
    const { store } = await world(t, makeStore)
    const mine = [aToken(), aToken(), aToken()]
    for (const [n, token] of mine.entries()) await store.tokens.insert(token, `h${n}`)
    await store.tokens.insert(aToken({ tenantId: 'other' }), 'theirs')
    const listed = await everyPage(options => store.tokens.list('acme', options), 2)
    assert.deepEqual(listed, mine.toReversed())
    assert.equal((await store.tokens.list('acme')).total, 3)
  })
}
