import { connect } from 'node:tls'
import { type Check, lookMs } from './check.ts'
import { bad, type Finding, good, warning } from './finding.ts'

/** How long before its end a certificate is worth a word, milliseconds: two weeks, in which those that renew themselves have done so. */
const soonMs = 14 * 86_400_000

/** How long the certificate of the server is good for. */
export const certificate: Check = {
  // One that has ended is why the server can't be reached.
  needs: 'nothing',
  async look({ cli, url }) {
    if (url.protocol !== 'https:') return []
    const end = await endOf(url, cli.signal)
    return end === undefined ? [] : [certificateFinding(end, cli.world.now())]
  },
}

/** What is to be said of a certificate that ends then, milliseconds since 1970. */
export function certificateFinding(end: number, now: number): Finding {
  const text = `good until ${new Date(end).toISOString().slice(0, 10)}`
  const next = 'Renew it: a server takes files that changed by itself. Look at why nobody renewed it yet.'
  if (end <= now) return bad('tls', text, 'It has ended: everybody is refused by who asks.', next)
  if (end - now > soonMs) return good('tls', text)
  return warning('tls', text, 'From then on nobody gets through.', next)
}

/** When the certificate ends, milliseconds; undefined when none was shown. It is looked at whoever signed it: calls are more strict. */
async function endOf(url: URL, signal: AbortSignal): Promise<number | undefined> {
  signal.throwIfAborted()
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  const socket = connect({
    host: hostname,
    port: Number(url.port || 443),
    rejectUnauthorized: false,
    ...(/^[\d.]+$|:/.test(hostname) ? {} : { servername: hostname }),
  })
  const ended = AbortSignal.any([signal, AbortSignal.timeout(lookMs)])
  try {
    return await new Promise<number | undefined>(resolve => {
      socket.once('secureConnect', () => {
        const end = Date.parse(socket.getPeerCertificate().valid_to)
        resolve(Number.isNaN(end) ? undefined : end)
      })
      socket.once('error', () => resolve(undefined)) // that it can't be reached is told by who calls it
      ended.addEventListener('abort', () => resolve(undefined), { once: true })
    })
  } finally {
    socket.destroy()
    signal.throwIfAborted()
  }
}
