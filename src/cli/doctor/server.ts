import { connect } from 'node:net'
import { type Client, createClient, SlipwayApiError, SlipwayConnectionError, type Whoami } from '../../client/index.ts'
import { messageOf } from '../../errors.ts'
import { isLoopback } from '../../server/from-here.ts'
import { spanOf } from '../ago.ts'
import { type Settings, urlOf } from '../settings.ts'
import { shown } from '../shown.ts'
import { version } from '../version.ts'
import { type Finding, ill, well } from './finding.ts'

/** How far two clocks may be apart, milliseconds: times of the wire, of tokens and of signatures are compared. */
const mostSkewMs = 10_000
/** A token that ends sooner is told of, milliseconds. */
const soonMs = 3 * 24 * 3600 * 1000
/** How long one question may take, milliseconds. */
const patienceMs = 5_000

/** Who looks, and when. */
export interface Looking {
  readonly settings: Settings
  readonly credential: string | (() => Promise<string>) | undefined
  now(): number
  readonly signal: AbortSignal
}

/** All that can be seen of a server from outside: it ends with the first thing that stands in the way of the others. */
export async function* serverFindings({ settings, credential, now, signal }: Looking): AsyncGenerator<Finding> {
  const url = urlOf(settings.url)
  let headers = new Headers()
  const client = createClient({
    url: url.href,
    ...(credential === undefined ? {} : { token: credential }),
    retries: 0,
    attemptMs: patienceMs,
    fetch: async (address, init) => {
      const answer = await fetch(address, init)
      headers = answer.headers
      return answer
    },
  })
  const from = now()
  const reached = await reachedFinding(client, url, settings.url.source, signal)
  yield reached
  if (!reached.ok) return
  yield tlsFinding(url)
  yield clockFinding(headers.get('date'), from, now())
  yield await readyFinding(client, signal)
  if (credential === undefined) {
    yield ill('token', `none for ${url.href}`, 'Log in:  slipway login')
    return
  }
  let me: Whoami
  try {
    me = await client.whoami({ signal })
  } catch (error) {
    signal.throwIfAborted()
    yield ill(
      'token',
      `refused: ${messageOf(error)} It comes from ${settings.token?.source ?? 'the job'}`,
      'Log in:  slipway login',
    )
    return
  }
  yield versionFinding(headers.get('slipway-version'), version())
  yield await tokenFinding(client, me, now(), signal)
}

async function reachedFinding(client: Client, url: URL, source: string, signal: AbortSignal): Promise<Finding> {
  try {
    await client.health({ signal })
    return well('server', `${url.href} answers (from ${source})`)
  } catch (error) {
    signal.throwIfAborted()
    const said = `${url.href} (from ${source})`
    if (error instanceof SlipwayApiError)
      return ill('server', `${said} is not Slipway: it answers ${error.status}`, elsewhere)
    if (!(error instanceof SlipwayConnectionError)) throw error
    if (error.reason === 'malformed') return ill('server', `${said} is not Slipway: it does not answer JSON`, elsewhere)
    if (isCertificate(error)) {
      return ill(
        'server',
        `${said} has a certificate that is not trusted: ${shown(causeOf(error))}`,
        'Trust its issuer:  NODE_EXTRA_CA_CERTS=FILE slipway doctor',
      )
    }
    const here = isLoopback(url.hostname.replaceAll(/[[\]]/g, ''))
    const held = here && (await isListening(url))
    return ill(
      'server',
      `${said} can't be reached: ${shown(causeOf(error))}`,
      held ? elsewhere : here ? 'Start one here:  slipway up' : 'Is it up, and does a firewall let you through?',
    )
  }
}

const elsewhere = 'Another program listens there. See where the address comes from:  slipway config --sources'

/** Whether anything takes connections at an address of this machine. */
async function isListening(url: URL): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect({
      host: url.hostname.replaceAll(/[[\]]/g, ''),
      port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
      timeout: 1_000,
    })
    const end = (is: boolean) => () => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false))
  })
}

function tlsFinding({ protocol, hostname }: URL): Finding {
  if (protocol === 'https:') return well('tls', 'encrypted, by a certificate that is trusted')
  if (isLoopback(hostname.replaceAll(/[[\]]/g, ''))) return well('tls', 'not needed: it stays on this machine')
  return ill(
    'tls',
    `the token goes to ${hostname} in the clear`,
    'Use https:// and give the server a certificate:  slipway up --tls-cert FILE --tls-key FILE',
  )
}

/** Compares with the time of an answer, which has whole seconds and was written somewhere between asking and hearing. */
export function clockFinding(date: string | null, asked: number, heard: number): Finding {
  const there = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(there)) return well('clock', 'the server does not tell its time')
  const apart = there > heard ? there - heard : Math.max(0, asked - (there + 1_000))
  if (apart <= mostSkewMs) return well('clock', 'as the server has it')
  return ill(
    'clock',
    `${spanOf(apart)} ${there > heard ? 'behind' : 'ahead of'} the server`,
    'Let both keep time by NTP:  timedatectl set-ntp true',
  )
}

async function readyFinding(client: Client, signal: AbortSignal): Promise<Finding> {
  try {
    await client.ready({ signal })
    return well('parts', 'store, disk, router and providers answer')
  } catch (error) {
    signal.throwIfAborted()
    return ill('parts', shown(messageOf(error)), 'Mend what is named; the log of the server says more.')
  }
}

/** Before 1.0 a minor version may change things; after it, a major one. */
export function versionFinding(server: string | null, own: string): Finding {
  if (server === null) return well('version', `${own} here; the server does not tell its own`)
  const generation = (of: string): string =>
    (of.startsWith('0.') ? of.split('.').slice(0, 2) : of.split('.').slice(0, 1)).join('.')
  if (generation(server) === generation(own))
    return well('version', server === own ? own : `${own} here, ${shown(server)} there`)
  return ill(
    'version',
    `${own} here, ${shown(server)} there`,
    `Take the one of the server:  npm install slipway@${shown(server)}`,
  )
}

async function tokenFinding(client: Client, me: Whoami, now: number, signal: AbortSignal): Promise<Finding> {
  const who = `${shown(me.subject)}, ${me.operator ? 'operator' : `tenant ${shown(me.tenant_id)}`}, may ${me.scopes.join(', ')}`
  const ends = await endOf(client, me, signal)
  if (ends === undefined) return well('token', who)
  const left = Date.parse(ends) - now
  if (left > soonMs) return well('token', `${who}, until ${ends.slice(0, 10)}`)
  return ill('token', `${who}, for ${spanOf(left)} more`, `A new secret for it:  slipway tokens rotate ${me.token_id}`)
}

/** When the token ends; undefined when that can't be seen with it. */
async function endOf(client: Client, { token_id }: Whoami, signal: AbortSignal): Promise<string | undefined> {
  if (token_id === undefined) return undefined
  try {
    return (await client.tokens.get(token_id, { signal })).expires_at
  } catch (error) {
    if (error instanceof SlipwayApiError && (error.status === 403 || error.status === 404 || error.status === 400))
      return undefined
    throw error
  }
}

function isCertificate(error: SlipwayConnectionError): boolean {
  return /certificate|self.signed|altname/i.test(causeOf(error))
}

function causeOf({ cause, message }: SlipwayConnectionError): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return inner instanceof Error ? inner.message || ((inner as NodeJS.ErrnoException).code ?? message) : message
}
