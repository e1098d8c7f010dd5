import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { isSlipwayError, SlipwayError } from '../errors.ts'
import type { RateLimiter } from './rate-limit.ts'

/** So many credentials are remembered as good. */
const remembered = 10_000

/** Holds back addresses that send one bad credential after the other. */
export interface Failures {
  /**
   * Authenticates, and counts a failure against the address. Throws `rate_limited` without looking at the credential when the address had
   * too many, unless it was good before: who shares an address with a guesser is not locked out.
   */
  guarded<T>(address: string | undefined, credential: string, authenticate: () => Promise<T>): Promise<T>
}

/** Failures per address, by the limiter's windows. */
export function failures(limiter: RateLimiter): Failures {
  const good = new Set<string>()
  return {
    async guarded(address, credential, authenticate) {
      if (address === undefined) return await authenticate() // nothing to hold it against
      const who = networkOf(address)
      const digest = createHash('sha256').update(credential).digest('base64')
      const { remaining, quota, resetSeconds } = limiter.look(who, 'failure')
      if (remaining === 0 && !good.has(digest)) throw held(quota, resetSeconds)
      try {
        const claims = await authenticate()
        good.delete(digest) // to the end: the oldest is forgotten first
        good.add(digest)
        const [oldest] = good
        if (good.size > remembered && oldest !== undefined) good.delete(oldest)
        return claims
      } catch (error) {
        // Anybody can have a genuine token of a public issuer made; each costs a look at its signature.
        if (isSlipwayError(error, 'unauthenticated') || isSlipwayError(error, 'forbidden')) {
          good.delete(digest)
          limiter.take(who, 'failure')
        }
        throw error
      }
    },
  }
}

/** Who has one IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('::')
  const front = head.split(':').filter(Boolean)
  const back = tail.split(':').filter(Boolean)
  const groups = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => '0'), ...back]
  return `${groups.slice(0, 4).join(':')}::/64`
}

function held(quota: number, resetSeconds: number): SlipwayError {
  return new SlipwayError('rate_limited', `${quota} requests of this address were not authenticated within a minute.`, {
    next: `Wait ${resetSeconds} s, and send a valid token.`,
    details: { retry_after_seconds: resetSeconds },
  })
}
