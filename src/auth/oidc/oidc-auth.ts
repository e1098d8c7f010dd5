import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { Clock } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { Claims } from '../auth.ts'
import { checkIssuers, type OidcIssuer, oidcDefaults } from './config.ts'
import { issuerKeys, type KeySource } from './keys.ts'
import { claimsBy } from './rules.ts'

/** Tells who the bearer of a JWT is. */
export interface OidcVerifier {
  /**
   * Throws `unauthenticated` for a token that proves nothing, `forbidden` for one that no rule is for, `unavailable` while its issuer does
   * not answer.
   */
  authenticate(token: string): Promise<Claims>
}

const maxTokenLength = 16_384

/** Whether this has the form of a JWT: three parts, the first of which is JSON. */
export function isJwt(token: string): boolean {
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(token)
}

/** Knows the tokens of these issuers. Throws `invalid_request` for a configuration that is not valid. */
export function oidcVerifier(given: readonly OidcIssuer[], clock: Clock): OidcVerifier {
  const issuers = new Map(
    checkIssuers(given).map(issuer => [issuer.issuer, { ...issuer, keys: issuerKeys(issuer, clock) }]),
  )
  return {
    async authenticate(token) {
      if (token.length > maxTokenLength) throw refused('The token is longer than 16 kB.')
      const { iss, alg } = peek(token)
      const issuer = issuers.get(iss)
      if (!issuer)
        throw refused(`The token is of an issuer that is not trusted here: ${JSON.stringify(iss).slice(0, 200)}.`)
      const algorithms: readonly string[] = issuer.algorithms ?? oidcDefaults.algorithms
      // Before a key is looked for: an algorithm that is not asymmetric must never meet a public key.
      if (!algorithms.includes(alg)) {
        throw refused(`The token is signed with ${alg}; of this issuer ${algorithms.join(', ')} are taken.`)
      }
      return claimsBy(issuer.rules, iss, await verified(token, issuer, algorithms, clock))
    },
  }
}

/** What a token says of itself, before anything of it is believed. */
function peek(token: string): { iss: string; alg: string } {
  try {
    const [{ alg }, { iss }] = [decodeProtectedHeader(token), decodeJwt(token)]
    if (typeof alg === 'string' && typeof iss === 'string') return { iss, alg: alg.slice(0, 20) }
  } catch (error) {
    void error // because all that matters is that it is no JWT
  }
  throw refused('The token is not a JWT that names its issuer and its algorithm.')
}

async function verified(
  token: string,
  issuer: OidcIssuer & { readonly keys: KeySource },
  algorithms: readonly string[],
  clock: Clock,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    const { payload } = await jwtVerify(token, issuer.keys.keyFor, {
      issuer: issuer.issuer,
      audience: typeof issuer.audience === 'string' ? issuer.audience : [...issuer.audience],
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'iat', 'sub', ...(issuer.withoutNbf ? [] : ['nbf'])],
      clockTolerance: issuer.clockToleranceSeconds ?? oidcDefaults.clockToleranceSeconds,
      maxTokenAge: issuer.maxAgeSeconds ?? oidcDefaults.maxAgeSeconds,
      currentDate: new Date(clock.now()),
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused(whyOf(error))
    throw error
  }
}

function whyOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired, or was made too long ago.'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'missing'
      ? `The token has no claim "${error.claim}".`
      : `The claim "${error.claim}" of the token is not what is asked for here.`
  }
  if (error instanceof errors.JWKSNoMatchingKey) return 'The token is signed with a key that its issuer does not have.'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'The signature of the token is wrong.'
  return `The token can't be verified: ${error.message}.`
}

function refused(why: string): SlipwayError {
  return new SlipwayError('unauthenticated', why, {
    next: 'Send a fresh token of a trusted issuer, made for this audience, as `Authorization: Bearer …`.',
  })
}
