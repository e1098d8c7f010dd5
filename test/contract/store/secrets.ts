import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { newId } from '../../../src/id.ts'
import type { SealedSecret } from '../../../src/secrets/vault.ts'
import { type MakeStore, someTime, world } from './fixtures.ts'

const aSecret = (version: number, more: Partial<SealedSecret> = {}): SealedSecret => ({
  id: newId('sec'),
  tenantId: 'acme',
  name: 'db-password',
  version,
  sealed: new Uint8Array([0, 255, version]),
  createdAt: someTime,
  ...more,
})

export function secretTests(makeStore: MakeStore): void {
  test('sealed secrets come back byte for byte, versions in order', async t => {
    const { store } = await world(t, makeStore)
    const [one, two, other] = [aSecret(1), aSecret(2), aSecret(1, { name: 'api-key' })]
    for (const secret of [two, one, other]) await store.secrets.insert(secret)
    assert.deepEqual(await store.secrets.get('acme', 'db-password', 1), one)
    assert.deepEqual(await store.secrets.versions('acme', 'db-password'), [one, two])
    assert.deepEqual(await store.secrets.list('acme'), [other, one, two])
  })

  test('a version of a secret is written once', async t => {
    const { store } = await world(t, makeStore)
    await store.secrets.insert(aSecret(1))
    await assert.rejects(store.secrets.insert(aSecret(1)), e => isSlipwayError(e, 'already_exists'))
    await store.secrets.insert(aSecret(1, { tenantId: 'other' }))
  })

  test('a revoked version loses its value and keeps its first stamp', async t => {
    const { store } = await world(t, makeStore)
    const { sealed: _gone, ...one } = aSecret(1)
    const two = aSecret(2)
    await store.secrets.insert({ ...one, sealed: new Uint8Array([1]) })
    await store.secrets.insert(two)
    await store.secrets.revoke('acme', 'db-password', 1, someTime)
    await store.secrets.revoke('acme', 'db-password', 1, '2027-01-01T00:00:00.000Z')
    assert.deepEqual(await store.secrets.versions('acme', 'db-password'), [{ ...one, revokedAt: someTime }, two])
  })

  test('a deleted secret is gone with all its versions, for its tenant only', async t => {
    const { store } = await world(t, makeStore)
    const theirs = aSecret(1, { tenantId: 'other' })
    for (const secret of [aSecret(1), aSecret(2), theirs]) await store.secrets.insert(secret)
    await store.secrets.delete('acme', 'db-password')
    assert.deepEqual(await store.secrets.list('acme'), [])
    assert.equal(await store.secrets.get('acme', 'db-password', 1), undefined)
    assert.deepEqual(await store.secrets.list('other'), [theirs])
  })
}
