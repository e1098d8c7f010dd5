import { SlipwayError } from '../errors.ts'
import type { AuthProvider } from './auth.ts'
import { authorize } from './authorize.ts'

/**
 * For callers in the same process: whoever can call the library is trusted to say who they are (`slipway.as({ tenantId, subject,
 * scopes })`), so there are no tokens. What they may do is still held to their scopes.
 */
export function localAuth(): AuthProvider {
  return {
    async authenticate() {
      throw new SlipwayError('unauthenticated', 'No tokens are known here: only callers in the same process are.', {
        next: 'Give createSlipway an auth provider that knows tokens, or call slipway.as(…) with the claims.',
      })
    },
    async authorize(claims, action, resource) {
      authorize(claims, action, resource)
    },
    tenantOf: claims => claims.tenantId,
  }
}
