import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { base64url, exportSPKI, importJWK, type JWK, SignJWT } from 'jose'
import type { OidcIssuer, OidcRule } from '../../../src/auth/oidc/config.ts'
import { keyLimits } from '../../../src/auth/oidc/keys.ts'
import { isJwt, oidcVerifier } from '../../../src/auth/oidc/oidc-auth.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { handClock } from '../../contract/store/fixtures.ts'
import { refusalOf } from '../../support/refusal.ts'
import { audience, startIssuer } from './issuer.ts'

const main: OidcRule = {
  match: { repository: 'acme/shop', ref: 'refs/heads/main' },
  tenant: 'acme',
  scopes: ['deploy'],
  subject: 'ci:{repository}',
}

async function office(t: TestContext, more: Partial<OidcIssuer> = {}) {
  const hand = handClock()
  const clock = { ...hand, monotonic: hand.now }
  const issuer = await startIssuer(clock.now)
  let open = true
  const close = async (): Promise<void> => {
    if (open) await issuer.close()
    open = false
  }
  t.after(close)
  const verifier = oidcVerifier([{ issuer: issuer.url, audience, rules: [main], ...more }], clock)
  const refused = async (code: ErrorCode, why: RegExp, token: string | Promise<string>) => {
    const given = await token
    const refusal = await refusalOf(() => verifier.authenticate(given))
    assert.equal(refusal.code, code, refusal.message)
    assert.match(refusal.message, why)
    assert.ok(refusal.next)
    assert.ok(!refusal.message.includes(given))
    return refusal
  }
  return { clock, issuer, verifier, refused, close }
}

describe('the token of a job', () => {
  test('speaks for the tenant, subject and scopes of the rule that fits it', async t => {
    const { issuer, verifier } = await office(t)
    assert.deepEqual(await verifier.authenticate(await issuer.token()), {
      tenantId: 'acme',
      subject: 'ci:acme/shop',
      scopes: ['read', 'deploy'],
      issuer: issuer.url,
    })
    assert.ok(isJwt(await issuer.token()))
  })

  test('is refused without one of its claims, or with one that is not what is asked for', async t => {
    const { issuer, refused, clock } = await office(t)
    const seconds = Math.floor(clock.now() / 1000)
    for (const claim of ['exp', 'nbf', 'iat', 'aud', 'sub']) {
      await refused('unauthenticated', new RegExp(`no claim "${claim}"`), issuer.token({ [claim]: undefined }))
    }
    await refused('unauthenticated', /claim "aud"/, issuer.token({ aud: 'https://other.example' }))
    await refused('unauthenticated', /has expired/, issuer.token({ exp: seconds - 10 }))
    await refused('unauthenticated', /claim "nbf"/, issuer.token({ nbf: seconds + 60 }))
    await refused('unauthenticated', /claim "iat"/, issuer.token({ iat: seconds + 60 }))
    await refused('unauthenticated', /made too long ago/, issuer.token({ iat: seconds - 4000, exp: seconds + 60 }))
    await refused('unauthenticated', /issuer that is not trusted/, issuer.token({ iss: 'https://evil.example' }))
    await refused('unauthenticated', /names its issuer/, issuer.token({ iss: undefined }))
  })

  test('may be a few seconds beyond its time, for clocks that differ', async t => {
    const { issuer, verifier, refused, clock } = await office(t)
    const token = await issuer.token()
    clock.advance(304_000)
    await verifier.authenticate(token)
    clock.advance(2_000)
    await refused('unauthenticated', /has expired/, token)
  })

  test('is refused when it is not signed, signed with the public key as a secret, by another key, or changed', async t => {
    const { issuer, refused } = await office(t)
    const token = await issuer.token()
    const [, payload = '', signature = ''] = token.split('.')
    const head = (header: object): string => base64url.encode(JSON.stringify(header))
    await refused('unauthenticated', /signed with none/, `${head({ alg: 'none' })}.${payload}.`)
    const pem = await exportSPKI(
      (await importJWK((await issuer.publicKey()) as JWK, 'RS256')) as Parameters<typeof exportSPKI>[0],
    )
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(new TextEncoder().encode(pem))
    await refused('unauthenticated', /signed with HS256/, confused)
    const other = base64url.encode(JSON.stringify({ ...claims, repository: 'evil/shop' }))
    await refused('unauthenticated', /signature of the token is wrong/, `${token.split('.')[0]}.${other}.${signature}`)
    await issuer.rotate('two', false)
    await refused('unauthenticated', /signature of the token is wrong/, issuer.token({}, 'one'))
  })

  test('that no rule is for is genuine and forbidden, and told what each rule stumbled over but not what it wants', async t => {
    const rules = [main, { ...main, match: { repository: 'acme/*', environment: 'production' } }]
    const { issuer, refused } = await office(t, { rules })
    const refusal = await refused('forbidden', /genuine/, issuer.token({ ref: 'refs/heads/topic' }))
    assert.match(
      refusal.message,
      /rule 1 wants another ref than "refs\/heads\/topic"; rule 2 wants another environment than none\./,
    )
    assert.ok(!refusal.message.includes('production'))
  })

  test('is held to the first rule that fits, with patterns, several values, lists of claims and templates', async t => {
    const { issuer, verifier } = await office(t, {
      rules: [
        {
          match: { repository: 'acme/*', ref: ['refs/tags/**', 'refs/heads/main'] },
          tenant: '{repository_owner}',
          scopes: ['admin'],
        },
        { match: { groups: 'ops' }, tenant: '*', scopes: ['read'] },
        { match: { repository: '**shop' }, tenant: 'other', scopes: ['read'] },
      ].map(rule =>
        rule.tenant.startsWith('{') ? { ...rule, match: { ...rule.match, repository_owner: 'a*' } } : rule,
      ) as OidcRule[],
    })
    const who = async (claims: Record<string, unknown>) => verifier.authenticate(await issuer.token(claims))
    assert.equal((await who({ ref: 'refs/tags/v1/x' })).tenantId, 'acme')
    assert.equal((await who({ repository: 'acme/x/y', groups: ['dev', 'ops'] })).operator, true)
    assert.equal((await who({ repository: 'x/shop' })).tenantId, 'other')
  })
})

describe('the keys of an issuer', () => {
  test('are asked for once, and again for a key that is not known, at most every half minute', async t => {
    const { issuer, verifier, refused, clock } = await office(t)
    await Promise.all([1, 2, 3].map(async () => verifier.authenticate(await issuer.token())))
    assert.equal(issuer.asked(), 1)
    await issuer.rotate('two')
    await refused('unauthenticated', /a key that its issuer does not have/, issuer.token())
    assert.equal(issuer.asked(), 1)
    clock.advance(keyLimits.coolDownMs)
    await verifier.authenticate(await issuer.token())
    assert.equal(issuer.asked(), 2)
    for (let n = 0; n < 5; n++) await refused('unauthenticated', /does not have/, issuer.token({}, `random-${n}`))
    assert.equal(issuer.asked(), 2)
    clock.advance(keyLimits.freshMs)
    await verifier.authenticate(await issuer.token())
    assert.equal(issuer.asked(), 3)
  })

  test('that are known are good while it is down, for an hour; else it is said that nothing can be checked now', async t => {
    const { issuer, verifier, refused, clock, close } = await office(t)
    await verifier.authenticate(await issuer.token())
    await close()
    clock.advance(keyLimits.freshMs)
    await verifier.authenticate(await issuer.token())
    const unknown = await refused('unavailable', /can't be had/, issuer.token({}, 'new'))
    assert.equal(unknown.details?.['retry_after_seconds'], 5)
    clock.advance(keyLimits.keptMs - keyLimits.freshMs)
    await refused('unavailable', /ECONNREFUSED/, issuer.token())
  })

  test('are not taken from answers that are too large, no JSON, no success or about another issuer', async t => {
    const { issuer, verifier, refused, clock } = await office(t)
    for (const [broken, why] of [
      [{ status: 500 }, /answers 500/],
      [{ status: 302 }, /redirect/],
      [{ status: 200, body: 'x' }, /JSON/],
      [{ status: 200, body: JSON.stringify('x'.repeat(keyLimits.bytes)) }, /more than 262144 bytes/],
      [{ status: 200, body: '{"issuer":"https://other.example"}' }, /another issuer/],
    ] as const) {
      issuer.broken = broken
      await refused('unavailable', why, issuer.token())
      clock.advance(keyLimits.retryMs)
    }
    issuer.broken = undefined
    await verifier.authenticate(await issuer.token())
  })
})
