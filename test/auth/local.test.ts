import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Action, actionScopes } from '../../src/auth/auth.ts'
import { localAuth } from '../../src/auth/local.ts'
import { isSlipwayError } from '../../src/errors.ts'

const auth = localAuth()

test('tokens are refused with what to do instead', async () => {
  await assert.rejects(
    auth.authenticate('secret'),
    error => isSlipwayError(error, 'unauthenticated') && error.next !== undefined && !error.message.includes('secret'),
  )
})

test('a caller may do what their scopes cover, and nothing else', async () => {
  for (const [action, scope] of Object.entries(actionScopes) as [Action, 'read' | 'deploy' | 'admin'][]) {
    const others = (['read', 'deploy', 'admin'] as const).filter(other => other !== scope)
    await auth.authorize({ tenantId: 'acme', subject: 'ana', scopes: [scope] }, action)
    await assert.rejects(
      auth.authorize({ tenantId: 'acme', subject: 'ana', scopes: others }, action),
      error => isSlipwayError(error, 'forbidden') && error.message.includes(`"${scope}"`),
    )
  }
})

test('a caller acts for the tenant of their claims', () => {
  assert.equal(auth.tenantOf({ tenantId: 'acme', subject: 'ana', scopes: [] }), 'acme')
})
