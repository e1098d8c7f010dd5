import type { AuthProvider } from './auth.ts'
import { isJwt, type OidcVerifier } from './oidc/oidc-auth.ts'

/** Tokens that were made here, and beside them JWTs of trusted issuers: which it is can be seen by its form. */
export function combinedAuth(tokens: AuthProvider, oidc: OidcVerifier): AuthProvider {
  return {
    ...tokens,
    authenticate: async (token, from) =>
      isJwt(token) ? await oidc.authenticate(token) : await tokens.authenticate(token, from),
  }
}
