import type { Expectation } from './options.ts'

/** Why a request is lost: it got no complete, right answer from a replica of the service. */
export const lossCauses = [
  /** Connection refused. */
  'refused',
  /** Connection reset, or closed without an answer; also on a kept connection. */
  'reset',
  'timeout',
  /** The answer ended before it was whole. */
  'truncated',
  /** Whole, but not what the service answers. */
  'wrong',
  /** An error made by the proxy, or by something else that is not the service. */
  'proxy',
  /** The service answered that its own call to another service was lost. */
  'upstream',
  /** The generator could not send it: no port, no descriptor left. */
  'unsent',
] as const

export type LossCause = (typeof lossCauses)[number]

/** A service and the version of it that took part in an answer. */
export interface Answerer {
  readonly service: string
  readonly version: string
}

export type Verdict =
  | { readonly type: 'right'; readonly answerers: readonly Answerer[] }
  /** The application itself answered with an error. */
  | { readonly type: 'app-error'; readonly answerers: readonly Answerer[] }
  | { readonly type: 'lost'; readonly cause: LossCause; readonly text: string }

/** A whole answer as it came. Header names in lower case. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** Judges a whole answer to a request of this kind. */
export function judge(expect: Expectation, kind: 'plain' | 'slow', answer: Answer): Verdict {
  const proxyError = answer.headers['x-slipway-error']
  if (proxyError !== undefined) return lost('proxy', `${answer.status} by the proxy: ${String(proxyError)}`)
  if (expect.type === 'exact') return judgeExact(expect, answer)

  const marker = answer.headers['x-shop-version']
  if (typeof marker !== 'string') {
    return lost(answer.status >= 500 ? 'proxy' : 'wrong', `${answer.status} by something that is not the shop`)
  }
  if (answer.headers['x-shop-upstream'] === 'lost') return lost('upstream', `${marker}: ${answer.body.slice(0, 200)}`)
  const body = parse(answer.body)
  if (!isAnswerOf(body, expect.service) || marker !== `${expect.service}-${body.version}`) {
    return lost('wrong', `${answer.status} ${answer.body.slice(0, 200)}`)
  }
  const self = { service: expect.service, version: body.version }
  if (answer.status >= 500) return { type: 'app-error', answerers: [self] }
  const last = expect.calls === undefined ? body : body[expect.calls]
  if (
    answer.status !== 200 ||
    (expect.calls !== undefined && !isAnswerOf(last, expect.calls)) ||
    (kind === 'slow' && !hasTenTicks(last))
  ) {
    return lost('wrong', `${answer.status} ${answer.body.slice(0, 200)}`)
  }
  if (expect.calls === undefined || !isAnswerOf(last, expect.calls)) return { type: 'right', answerers: [self] }
  return { type: 'right', answerers: [self, { service: expect.calls, version: last.version }] }
}

/** Judges an error that ended a request before its answer was whole. `begun`: its head had come. */
export function judgeError(code: string | undefined, begun: boolean, message: string): Verdict {
  const text = code === undefined || message.includes(code) ? message : `${code} ${message}`
  if (begun) return lost('truncated', text)
  if (code === 'ECONNREFUSED') return lost('refused', text)
  if (code?.startsWith('HPE_')) return lost('wrong', text)
  if (code === 'EADDRNOTAVAIL' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOBUFS')
    return lost('unsent', text)
  return lost('reset', text)
}

function judgeExact(expect: Extract<Expectation, { type: 'exact' }>, answer: Answer): Verdict {
  const version = expect.versionHeader === undefined ? undefined : answer.headers[expect.versionHeader]
  const answerers = typeof version === 'string' ? [{ service: expect.service, version }] : []
  if (answer.status === 200 && answer.body === expect.body) return { type: 'right', answerers }
  if (answer.status >= 500 && answerers.length > 0) return { type: 'app-error', answerers }
  return lost('wrong', `${answer.status} ${answer.body.slice(0, 200)}`)
}

function lost(cause: LossCause, text: string): Verdict {
  return { type: 'lost', cause, text }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    void error // because whatever is not JSON is judged as not an answer of the shop
    return undefined
  }
}

function isAnswerOf(body: unknown, service: string): body is { version: string } & Record<string, unknown> {
  return isRecord(body) && body['service'] === service && typeof body['version'] === 'string'
}

function hasTenTicks(body: unknown): boolean {
  return isRecord(body) && Array.isArray(body['ticks']) && body['ticks'].join() === '0,1,2,3,4,5,6,7,8,9'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
