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
    const operator = action.startsWith('tenant.')
    await auth.authorize({ tenantId: 'acme', subject: 'ana', scopes: [scope], operator }, action)
    await assert.rejects(
      auth.authorize({ tenantId: 'acme', subject: 'ana', scopes: others, operator }, action),
      error => isSlipwayError(error, 'forbidden') && error.message.includes(`"${scope}"`),
    )
  }
})

test('what is about tenants themselves is for operators', async () => {
  const ana = { tenantId: 'acme', subject: 'ana', scopes: ['read', 'deploy', 'admin'] } as const
  for (const action of ['tenant.read', 'tenant.write'] as const) {
    await assert.rejects(auth.authorize(ana, action), error => isSlipwayError(error, 'forbidden'))
  }
})

test('a caller acts for the tenant of their claims', () => {
  assert.equal(auth.tenantOf({ tenantId: 'acme', subject: 'ana', scopes: [] }), 'acme')
})
