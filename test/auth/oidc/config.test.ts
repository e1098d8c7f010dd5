import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { checkIssuers, type OidcIssuer } from '../../../src/auth/oidc/config.ts'
import { fits } from '../../../src/auth/oidc/glob.ts'
import { refusalOf } from '../../support/refusal.ts'

const rule = { match: { repository: 'acme/shop' }, tenant: 'acme', scopes: ['deploy'] }
const github = { issuer: 'https://token.actions.githubusercontent.com', audience: 'x', rules: [rule] }

describe('the configuration of OIDC', () => {
  test('is refused where it would let strangers in, and says where and why', async () => {
    const ruled = (...rules: object[]) => ({ ...github, rules })
    for (const [issuers, why] of [
      [[{ ...github, audience: undefined }], /\/0\/audience/],
      [[{ ...github, algorithms: ['HS256'] }], /\/0\/algorithms\/0/],
      [[{ ...github, issuer: 'http://ci.example' }], /\/0\/issuer: http:\/\/ci\.example is not https/],
      [[{ ...github, jwksUrl: 'http://ci.example/keys' }], /\/0\/jwksUrl: .* is not https/],
      [[github, github], /\/1\/issuer: .* is there twice/],
      [[ruled()], /\/0\/rules/],
      [[ruled({ ...rule, match: {} })], /\/0\/rules\/0\/match: every token/],
      [[ruled({ ...rule, match: { repository: '**' } })], /\/0\/rules\/0\/match: every token/],
      [[ruled(rule, { ...rule, match: { ref: 'refs/heads/main' } })], /\/0\/rules\/1\/match: anybody can get tokens/],
      // Whoever likes may have an account of these names.
      [[ruled({ ...rule, match: { repository: '*/shop' } })], /\/0\/rules\/0\/match: anybody can get tokens/],
      [[ruled({ ...rule, match: { repository: ['acme/shop', 'acme*/shop'] } })], /match: anybody can get tokens/],
      [[ruled({ ...rule, match: { repository_owner: 'acme*' } })], /match: anybody can get tokens/],
      [[ruled({ ...rule, match: { sub: 'repo:*/shop:ref:refs/heads/main' } })], /match: anybody can get tokens/],
      [[ruled({ ...rule, tenant: '{actor}' })], /\/0\/rules\/0\/tenant: it takes the claim actor/],
      [[ruled({ ...rule, tenant: 'Acme Ltd' })], /\/0\/rules\/0\/tenant: "Acme Ltd" cannot be a tenant/],
      [[ruled({ ...rule, scopes: ['root'] })], /\/0\/rules\/0\/scopes\/0/],
      [[ruled({ ...rule, more: 1 })], /\/0\/rules\/0/],
    ] as const) {
      const refusal = await refusalOf(() => checkIssuers(issuers as unknown as OidcIssuer[]))
      assert.equal(refusal.code, 'invalid_request')
      assert.match(refusal.message, why)
      assert.ok(refusal.next)
    }
    for (const match of [rule.match, { repository: ['acme/*', 'other/shop'] }, { sub: 'repo:acme/**', ref: '**' }])
      checkIssuers([ruled({ ...rule, match })] as unknown as OidcIssuer[])
  })
})

describe('a pattern', () => {
  test('fits as a whole: a star stands for all but a slash, two for anything, the rest for itself', () => {
    for (const [pattern, text, does] of [
      ['acme/*', 'acme/shop', true],
      ['acme/*', 'acme/', true],
      ['acme/*', 'acme/shop/x', false],
      ['acme/**', 'acme/shop/x', true],
      ['refs/*/main', 'refs/heads/main', true],
      ['refs/*/main', 'refs/heads/main2', false],
      ['a.c', 'abc', false],
      ['*', '', true],
      ['', '', true],
      ['(a+)+', '(a+)+', true],
    ] as const) {
      assert.equal(fits(pattern, text), does, `${pattern} ${text}`)
    }
  })

  test('agrees with a regular expression, and takes no longer for a spiteful text', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '.'), maxLength: 8 })
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const source = pattern.replaceAll(/[.*+?^${}()|[\]\\/]+?/g, part => (part === '*' ? '*' : `\\${part}`))
        const form = source.replaceAll(/\*\*|\*/g, star => (star === '*' ? '[^/]*' : '[^]*'))
        assert.equal(fits(pattern, text), new RegExp(`^${form}$`).test(text))
      }),
    )
    assert.equal(fits('a*'.repeat(250), `${'a'.repeat(999)}/`), false)
  })
})
