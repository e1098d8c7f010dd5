import { Resolver } from 'node:dns/promises'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { Agent, buildConnector } from 'undici'
import { messageOf } from '../errors.ts'
import type { Targets } from './webhook-target.ts'

/** The addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** How long a connection, and each of its names, may take, milliseconds. */
const connectMs = 10_000
const idleMs = 10_000

/**
 * Connects to allowed addresses only. What a name says is looked at where the connection is made, each time: a name that said something
 * else before, when the webhook was made or at the last try, gains nothing. Not a byte is sent before the address of the other end is known.
 */
export function webhookAgent(targets: Targets, resolve: Resolve = resolver()): Agent {
  const secure = buildConnector({ allowH2: false, timeout: connectMs })
  const lookup = lookupBy(targets, resolve)
  return new Agent({
    connections: 16,
    pipelining: 1,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    allowH2: false,
    connect(options, callback) {
      const isTls = options.protocol === 'https:'
      const refusal = isIP(options.hostname) === 0 ? undefined : targets.refusal(options.hostname)
      if (refusal !== undefined) return callback(new Error(`${refusal}, so nothing was sent`), null)
      const port = options.port === '' ? (isTls ? 443 : 80) : Number(options.port)
      reach({ host: options.hostname, port, lookup }).then(
        socket => {
          const reached = targets.refusal(socket.remoteAddress ?? '')
          if (reached !== undefined) {
            socket.destroy()
            return callback(new Error(`${reached}, so nothing was sent`), null)
          }
          if (isTls) return secure({ ...options, httpSocket: socket }, callback)
          callback(null, socket)
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error(messageOf(error)), null),
      )
    },
  })
}

async function reach(where: { host: string; port: number; lookup: LookupFunction }): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ ...where, noDelay: true, keepAlive: true })
  const late = setTimeout(() => socket.destroy(new Error(`no connection within ${connectMs / 1000} s`)), connectMs)
  socket.once('connect', () => resolve(socket)).once('error', reject)
  try {
    return await promise
  } finally {
    clearTimeout(late)
    socket.removeListener('error', reject)
  }
}

/** Gives a connection the allowed ones of a name's addresses, and none when there is none. */
function lookupBy(targets: Targets, resolve: Resolve): LookupFunction {
  return (host, { all }, callback) => {
    const found = async (): Promise<string[]> => {
      const addresses = await resolve(host)
      const allowed = addresses.filter(address => targets.refusal(address) === undefined)
      if (allowed.length > 0) return allowed
      // Not which addresses it has: what names of our network mean is nothing that tenants should learn here.
      throw new Error(`${host} leads to no public address, so nothing was sent`)
    }
    found().then(
      addresses => {
        const answers = addresses.map(address => ({ address, family: isIP(address) }))
        if (all === true) callback(null, answers)
        else callback(null, answers[0]?.address ?? '', answers[0]?.family)
      },
      (error: Error) => callback(error, []),
    )
  }
}

/** Asks name servers itself: the system's way waits in the few threads that the files of this process are read by. */
function resolver(): Resolve {
  const asking = new Resolver({ timeout: 3000, tries: 2 })
  return async host => {
    if (/(?:^|\.)localhost\.?$/i.test(host)) return ['127.0.0.1', '::1']
    const [v4, v6] = await Promise.allSettled([asking.resolve4(host), asking.resolve6(host)])
    const found = [v4, v6].flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason
    return found
  }
}
