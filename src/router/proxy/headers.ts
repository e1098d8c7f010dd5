import type { IncomingMessage } from 'node:http'

/** Headers that belong to one connection, not to the message (RFC 9110, 7.6.1); framing is made anew on each side. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'expect',
])

/** The headers of a request as they go to a replica: name, value, name, value. */
export function forwardedHeaders(req: IncomingMessage, edge: boolean): string[] {
  const raw = req.rawHeaders
  const named = connectionNames(req.headers.connection)
  const out: string[] = []
  let hosts = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    if (hopByHop.has(lower)) continue
    // Whoever names `host` in Connection does not get to take it away, and one request has one host.
    if (lower === 'host') {
      if (hosts++ > 0) continue
    } else if (named?.has(lower) || (edge && replaced.has(lower))) continue
    out.push(name, raw[i + 1] as string)
  }
  if (edge) addForwarded(out, req)
  return out
}

const replaced = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])

function addForwarded(out: string[], req: IncomingMessage): void {
  const { headers } = req
  const client = req.socket.remoteAddress ?? 'unknown'
  const before = headers['x-forwarded-for']
  out.push('x-forwarded-for', before === undefined ? client : `${String(before)}, ${client}`)
  // Kept when present: in front of us may be whoever ends TLS.
  out.push('x-forwarded-host', String(headers['x-forwarded-host'] ?? headers.host ?? ''))
  out.push('x-forwarded-proto', String(headers['x-forwarded-proto'] ?? 'http'))
}

/** What an answer's headers say besides themselves. */
export interface AnswerHeaders {
  readonly headers: string[]
  /** The replica keeps the connection. */
  readonly keeps: boolean
  /** For how long when idle, ms; 0 when it did not say. */
  readonly announcedMs: number
}

/** The headers of an answer as they go to the client. */
export function answerHeaders(raw: readonly (Buffer | string)[]): AnswerHeaders {
  const all: string[] = []
  let connection: string | undefined
  let announcedMs = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = latin1(raw[i])
    const lower = name.toLowerCase()
    if (lower === 'connection') {
      connection = `${connection ?? ''},${latin1(raw[i + 1])}`
    } else if (lower === 'keep-alive') {
      announcedMs = 1000 * Number(/timeout=(\d+)/i.exec(latin1(raw[i + 1]))?.[1] ?? 0)
    } else if (!hopByHop.has(lower)) {
      all.push(name, latin1(raw[i + 1]))
    }
  }
  const named = connectionNames(connection)
  return { headers: named ? without(all, named) : all, keeps: !named?.has('close'), announcedMs }
}

function latin1(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const out: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (!names.has(name.toLowerCase())) out.push(name, headers[i + 1] as string)
  }
  return out
}

/** The names in a Connection header, unless it says only the usual. */
function connectionNames(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === ',keep-alive') return undefined
  return new Set(connection.split(',').map(name => name.trim().toLowerCase()))
}

/** The host a request asks for: lower case, without port and trailing dot. */
export function hostOf(req: IncomingMessage): string {
  const host = (req.headers.host ?? '').toLowerCase()
  const colon = host.lastIndexOf(':')
  const bare = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  return bare.endsWith('.') ? bare.slice(0, -1) : bare
}

/** Whether the request has a body, of whatever length. */
export function hasBody(req: IncomingMessage): boolean {
  const { headers } = req
  if (headers['transfer-encoding'] !== undefined) return true
  return headers['content-length'] !== undefined && headers['content-length'] !== '0'
}
