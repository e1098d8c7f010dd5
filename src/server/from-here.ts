import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Context } from 'hono'
import type { ServerEnv } from './context.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether an address is this machine's own, which nobody else reaches. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host === 'localhost'
  return loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}

/** Headers by which a proxy says that it asks for somebody else. */
const proxied = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

/**
 * Whether a program of this machine asks, and asks for itself: over its own connection, not through a proxy, and by a name of this machine,
 * which a page of the web in a browser here can't use for a server that it only pretends to be.
 */
export function isFromHere(c: Context<ServerEnv>): boolean {
  const from = c.env.incoming?.socket?.remoteAddress
  if (from === undefined || !isLoopback(from.replace(/^::ffff:/, ''))) return false
  if (proxied.some(name => c.req.header(name) !== undefined)) return false
  return isLoopback(new URL(c.req.url).hostname.replace(/^\[|\]$/g, ''))
}
