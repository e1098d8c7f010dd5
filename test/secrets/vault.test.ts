import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type ErrorCode, isSlipwayError } from '../../src/errors.ts'
import { envelopeVault } from '../../src/secrets/envelope-vault.ts'
import type { SealedSecret, SecretStore } from '../../src/secrets/vault.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

async function aVault(t: TestContext) {
  const store = await sqliteStore({ path: ':memory:' })
  t.after(() => store.close())
  const { secrets } = store
  const masterKey = randomBytes(32)
  return { secrets, masterKey, vault: envelopeVault({ store: secrets, masterKey }) }
}

const of = (code: ErrorCode) => (error: unknown) => isSlipwayError(error, code)

test('a secret comes back as it was stored, whatever is in it', async t => {
  const { vault } = await aVault(t)
  for (const [name, value] of Object.entries({
    empty: '',
    plain: 'hunter2',
    odd: 'ä€😀\n"\r\n',
    long: 'x'.repeat(65_536),
  })) {
    assert.equal((await vault.store('acme', name, value)).version, 1)
    assert.deepEqual(await vault.retrieve('acme', name), { value, version: 1 })
  }
})

test('a rotation is staged: the newest version is next, pinned ones stay', async t => {
  const { vault } = await aVault(t)
  await vault.store('acme', 'db', 'one')
  assert.equal((await vault.rotate('acme', 'db', 'two')).version, 2)
  assert.equal((await vault.retrieve('acme', 'db')).value, 'two')
  assert.equal((await vault.retrieve('acme', 'db', 1)).value, 'one')
})

test('rotations at the same time all get a version of their own', async t => {
  const { vault } = await aVault(t)
  await vault.store('acme', 'db', '0')
  await Promise.all(Array.from({ length: 10 }, (_, index) => vault.rotate('acme', 'db', String(index + 1))))
  const [info] = await vault.list('acme')
  assert.deepEqual(
    info?.versions.map(({ version }) => version),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  )
  const values = await Promise.all(
    info.versions.map(async ({ version }) => (await vault.retrieve('acme', 'db', version)).value),
  )
  assert.equal(new Set(values).size, 11)
})

test('a revoked version is gone for good and says so, the others stay', async t => {
  const { vault, secrets } = await aVault(t)
  await vault.store('acme', 'db', 'one')
  await vault.rotate('acme', 'db', 'two')
  const info = await vault.revoke('acme', 'db', 1)
  assert.ok(info.versions[0]?.revokedAt)
  assert.equal((await secrets.get('acme', 'db', 1))?.sealed, undefined)
  await assert.rejects(vault.retrieve('acme', 'db', 1), of('unrestorable'))
  assert.equal((await vault.retrieve('acme', 'db')).value, 'two')
  assert.equal((await vault.revoke('acme', 'db', 2)).version, 2)
  await assert.rejects(vault.retrieve('acme', 'db'), of('unknown_secret'))
})

test('after the newest version is revoked, the one before it is next', async t => {
  const { vault } = await aVault(t)
  await vault.store('acme', 'db', 'one')
  await vault.rotate('acme', 'db', 'two')
  assert.equal((await vault.revoke('acme', 'db', 2)).version, 1)
  assert.equal((await vault.retrieve('acme', 'db')).value, 'one')
})

test('a secret stored after it was deleted never gets an old version number', async t => {
  const { vault } = await aVault(t)
  await vault.store('acme', 'db', 'one')
  await vault.delete('acme', 'db')
  assert.deepEqual(await vault.list('acme'), [])
  await assert.rejects(vault.retrieve('acme', 'db'), of('unknown_secret'))
  await assert.rejects(vault.rotate('acme', 'db', 'x'), of('unknown_secret'))
  assert.equal((await vault.store('acme', 'db', 'other')).version, 2)
  await assert.rejects(vault.retrieve('acme', 'db', 1), of('unrestorable'))
})

test('what is not there is unknown, for another tenant too, and what is there is not stored twice', async t => {
  const { vault } = await aVault(t)
  await vault.store('acme', 'db', 'one')
  await assert.rejects(vault.store('acme', 'db', 'two'), of('already_exists'))
  await assert.rejects(vault.retrieve('acme', 'db', 2), of('unknown_secret'))
  await assert.rejects(vault.retrieve('other', 'db'), of('unknown_secret'))
  await assert.rejects(vault.revoke('other', 'db', 1), of('unknown_secret'))
  await assert.rejects(vault.delete('other', 'db'), of('unknown_secret'))
  assert.deepEqual(await vault.list('other'), [])
})

test('names and values that can not be are refused without telling the value', async t => {
  const { vault } = await aVault(t)
  for (const name of ['', '../db', '1db', 'a b', 'a\0', '😀', 'x'.repeat(129)]) {
    await assert.rejects(vault.store('acme', name, 'one'), of('invalid_request'), name)
  }
  for (const value of ['hidden\0', 'x'.repeat(65_537), 'hidden\ud800']) {
    await assert.rejects(
      vault.store('acme', 'db', value),
      error => of('invalid_request')(error) && !(error as Error).message.includes('hidden'),
    )
  }
  assert.deepEqual(await vault.list('acme'), [])
})

test('nothing of a value is in the store, and equal values look different', async t => {
  const { vault, secrets } = await aVault(t)
  await vault.store('acme', 'a', 'correct horse')
  await vault.store('acme', 'b', 'correct horse')
  const [a, b] = await Promise.all(['a', 'b'].map(name => secrets.get('acme', name, 1)))
  assert.ok(a?.sealed && b?.sealed)
  assert.equal(Buffer.from(a.sealed).includes('correct'), false)
  assert.notDeepEqual(a.sealed, b.sealed)
})

test('another master key is named in the error, and an envelope that was moved or changed does not open', async t => {
  const { vault, secrets, masterKey } = await aVault(t)
  await vault.store('acme', 'db', 'one')
  const row = await secrets.get('acme', 'db', 1)
  assert.ok(row?.sealed)
  const stranger = envelopeVault({ store: secrets, masterKey: randomBytes(32) })
  await assert.rejects(
    stranger.retrieve('acme', 'db'),
    error => of('unavailable')(error) && /sealed with the master key/u.test(String(error)),
  )

  const { sealed } = row
  const reading = (changed: Partial<SealedSecret>) => {
    const store: SecretStore = { ...secrets, get: async () => ({ ...row, ...changed }) }
    return envelopeVault({ store, masterKey }).retrieve('acme', 'db', 1)
  }
  assert.equal((await reading({})).value, 'one')
  const moved = [{ id: 'sec_other' }, { tenantId: 'other' }, { name: 'other' }, { version: 2 }]
  const flipped = [0, 9, 30, sealed.length - 20, sealed.length - 1].map(at => ({
    sealed: Buffer.from(sealed).fill((sealed[at] ?? 0) ^ 1, at, at + 1),
  }))
  const short = [{ sealed: sealed.subarray(0, 40) }, { sealed: Buffer.alloc(0) }]
  for (const change of [...moved, ...flipped, ...short]) {
    await assert.rejects(
      reading(change),
      error => of('unavailable')(error) && /does not open/u.test(String(error)),
      JSON.stringify(change),
    )
  }
})

test('a master key of another length is refused', async t => {
  const { secrets } = await aVault(t)
  assert.throws(() => envelopeVault({ store: secrets, masterKey: randomBytes(16) }), of('invalid_request'))
})
