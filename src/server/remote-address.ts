import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { isNetwork, isWithin, plainAddress } from '../auth/network.ts'
import { SlipwayError } from '../errors.ts'
import type { ServerEnv } from './context.ts'

/**
 * Finds out where a request comes from: the other end of its connection, and only where that is a proxy one trusts, what the proxy says.
 * Throws `invalid_request` for a proxy that is no address.
 */
export function remoteAddress(trustedProxies: readonly string[]): MiddlewareHandler<ServerEnv> {
  const wrong = trustedProxies.find(proxy => !isNetwork(proxy))
  if (wrong !== undefined) {
    throw new SlipwayError(
      'invalid_request',
      `${JSON.stringify(wrong)} in trustedProxies is no address and no network.`,
      {
        next: 'Write it as 10.0.0.7 or 10.0.0.0/8.',
      },
    )
  }
  return async (c, next) => {
    const peer = (c.env as Partial<ServerEnv['Bindings']> | undefined)?.incoming?.socket?.remoteAddress
    c.set('remoteAddress', peer === undefined ? undefined : origin(peer, c.req.header('X-Forwarded-For')))
    await next()
  }

  /** From the right, where trusted proxies wrote: the first address that is none of them. What is left of it anybody can have made up. */
  function origin(peer: string, forwarded: string | undefined): string {
    let address = plainAddress(peer)
    for (const said of (forwarded ?? '').split(',').toReversed()) {
      const named = plainAddress(said.trim())
      if (isIP(named) === 0 || !isWithin(trustedProxies, address)) break
      address = named
    }
    return address
  }
}
