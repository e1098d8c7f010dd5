import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import * as fc from 'fast-check'
import { isWellFormed, newSecret, secretPattern } from '../../src/auth/secret.ts'
import { tokenAuth } from '../../src/auth/token-auth.ts'
import { issueToken, tokenService } from '../../src/auth/token-service.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { handClock } from '../contract/store/fixtures.ts'

const dayMs = 24 * 3_600_000
const ana = { tenantId: 'acme', subject: 'ana', scopes: ['read', 'deploy', 'admin'] } as const
const refused = (error: unknown) => isSlipwayError(error, 'unauthenticated')

async function office(t: TestContext) {
  const clock = handClock()
  const store = await sqliteStore({ path: ':memory:', clock })
  t.after(() => store.close())
  const auth = tokenAuth({ tokens: store.tokens, clock })
  return {
    clock,
    store,
    auth,
    tokens: tokenService({ auth, tokens: store.tokens, clock, tenants: store.tenants }, ana),
  }
}

describe('a token', () => {
  test('has a form that scanners know, and a checksum that finds every wrong character', () => {
    fc.assert(
      fc.property(fc.nat(48), fc.constantFrom('0', 'a', 'Z', '-', 'é'), (at, wrong) => {
        const secret = newSecret()
        assert.match(secret, secretPattern)
        assert.ok(isWellFormed(secret))
        const mistyped = secret.slice(0, 5 + at) + wrong + secret.slice(6 + at)
        assert.equal(isWellFormed(mistyped), mistyped === secret)
      }),
    )
  })

  test('is told once, and only its hash is kept', async t => {
    const { tokens, store } = await office(t)
    const { token, secret } = await tokens.create({ name: 'ci', scopes: ['deploy'] })
    assert.deepEqual(token.scopes, ['read', 'deploy'])
    assert.ok(!JSON.stringify([await tokens.get(token.id), await tokens.list()]).includes(secret))
    assert.deepEqual(await store.tokens.byHash(secret, token.createdAt), undefined)
  })

  test('speaks for its tenant, name, scopes and instances', async t => {
    const { tokens, auth } = await office(t)
    const instances = ['inst_01jd0000000000000000000000']
    const { token, secret } = await tokens.create({ name: 'ci', scopes: ['read'], instances })
    assert.deepEqual(await auth.authenticate(secret), {
      tenantId: 'acme',
      subject: 'ci',
      scopes: ['read'],
      instances,
      tokenId: token.id,
    })
  })

  test('is good for 90 days unless it says otherwise', async t => {
    const { tokens, auth, clock } = await office(t)
    const [long, short] = [
      await tokens.create({ name: 'long', scopes: ['read'] }),
      await tokens.create({ name: 'short', scopes: ['read'], expiresInDays: 1 }),
    ]
    clock.advance(dayMs)
    await assert.rejects(auth.authenticate(short.secret), refused)
    clock.advance(89 * dayMs - 1)
    await auth.authenticate(long.secret)
    clock.advance(1)
    await assert.rejects(auth.authenticate(long.secret), refused)
  })

  test('is refused once revoked, and one that nobody issued', async t => {
    const { tokens, auth } = await office(t)
    const { token, secret } = await tokens.create({ name: 'ci', scopes: ['read'] })
    await tokens.revoke(token.id)
    for (const bad of [secret, newSecret(), 'slip_x', '']) {
      await assert.rejects(auth.authenticate(bad), error => refused(error) && !String(error).includes(bad || 'slip_x'))
    }
  })

  test('is rotated with an overlap, and has its time again', async t => {
    const { tokens, auth, clock } = await office(t)
    const first = await tokens.create({ name: 'ci', scopes: ['read'], expiresInDays: 10 })
    clock.advance(9 * dayMs)
    const second = await tokens.rotate(first.token.id, { overlapSeconds: 60 })
    assert.equal(second.token.id, first.token.id)
    assert.notEqual(second.secret, first.secret)
    for (const { secret } of [first, second]) await auth.authenticate(secret)
    clock.advance(60_000)
    await assert.rejects(auth.authenticate(first.secret), refused)
    clock.advance(9 * dayMs)
    await auth.authenticate(second.secret)
  })

  test('says when it was last used, to within a minute', async t => {
    const { tokens, auth, clock } = await office(t)
    const { token, secret } = await tokens.create({ name: 'ci', scopes: ['read'] })
    const used = async () => (await tokens.get(token.id)).lastUsedAt
    assert.equal(await used(), undefined)
    const first = new Date(clock.now()).toISOString()
    for (const ms of [0, 59_999]) {
      clock.advance(ms)
      await auth.authenticate(secret)
      assert.equal(await used(), first)
    }
    clock.advance(1)
    await auth.authenticate(secret)
    assert.equal(await used(), new Date(clock.now()).toISOString())
  })

  test("of another tenant is one that does not exist, and an operator's is for all", async t => {
    const { tokens, auth, store, clock } = await office(t)
    const { token } = await tokens.create({ name: 'ci', scopes: ['read'] })
    const theirs = tokenService(
      { auth, tokens: store.tokens, clock, tenants: store.tenants },
      { ...ana, tenantId: 'globex' },
    )
    for (const ask of [theirs.get(token.id), theirs.rotate(token.id), theirs.revoke(token.id)]) {
      await assert.rejects(ask, error => isSlipwayError(error, 'not_found'))
    }
    const issued = await issueToken(
      { tenantId: '*', name: 'root', scopes: ['admin'], createdBy: 'x' },
      store.tokens,
      clock,
    )
    assert.equal((await auth.authenticate(issued.secret)).operator, true)
  })

  test('for some instances makes no tokens, keeps no secrets and creates no instances', async t => {
    const { auth } = await office(t)
    const narrow = { ...ana, instances: ['inst_1'] }
    for (const action of ['token.write', 'token.read', 'secret.write', 'secret.read', 'instance.create'] as const) {
      await assert.rejects(auth.authorize(narrow, action), error => isSlipwayError(error, 'forbidden'))
    }
    await auth.authorize(narrow, 'deploy.create', { instanceId: 'inst_1' })
    await assert.rejects(auth.authorize(narrow, 'deploy.create', { instanceId: 'inst_2' }), error =>
      isSlipwayError(error, 'not_found'),
    )
  })
})
