import type { RouteKey } from '../server/index.ts'
import type { Answer } from './answer.ts'
import { SlipwayApiError, SlipwayConnectionError } from './error.ts'
import type { Settings } from './options.ts'
import { type Prepared, prepare, type Sent } from './request.ts'
import { isInFlight, mayRepeat } from './retry.ts'
import { parsed, send, textOf } from './send.ts'
import { noteEtag } from './versions.ts'
import { backoff, wait } from './wait.ts'

/** The longest pause before a repetition that the server asked no time for. */
export const mostPauseMs = 5_000

/** Calls a route: sends, repeats what may be repeated, and gives what was answered. `known` is given back when it still is so. */
export type Call = <K extends RouteKey>(key: K, sent?: Sent & { readonly known?: unknown }) => Promise<Answer<K>>

/** Makes calls to one server. */
export function caller(settings: Settings): Call {
  return async <K extends RouteKey>(key: K, { known, ...sent }: Sent & { readonly known?: unknown } = {}) => {
    const request = prepare(key, sent, settings)
    return (await repeated(request, sent, settings, known)) as Answer<K>
  }
}

async function repeated(
  request: Prepared,
  { options = {} }: Sent,
  settings: Settings,
  known: unknown,
): Promise<unknown> {
  const { signal, timeoutMs = settings.timeoutMs } = options
  const until = performance.now() + timeoutMs
  for (let failures = 1; ; failures++) {
    try {
      return await attempt(request, signal, Math.min(settings.attemptMs, until - performance.now()), settings, known)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const again = mayRepeat(error, request) && (failures <= settings.retries || isInFlight(error))
      const pauseMs = Math.max(backoff(failures, settings.backoffMs, mostPauseMs), askedFor(error))
      if (!again || performance.now() + pauseMs >= until) throw error
      await wait(pauseMs, signal)
    }
  }
}

async function attempt(
  request: Prepared,
  signal: AbortSignal | undefined,
  limitMs: number,
  settings: Settings,
  known: unknown,
): Promise<unknown> {
  const late = AbortSignal.timeout(Math.max(0, Math.ceil(limitMs)))
  try {
    const answer = await send(request, signal ? AbortSignal.any([signal, late]) : late, settings)
    if (answer.status === 304) return known
    const text = await textOf(answer, request)
    if (request.asText) return text
    if (text === '') return undefined
    const body = parsed(text, request)
    noteEtag(body, answer.headers.get('etag'))
    return body
  } catch (error) {
    if (!late.aborted || error instanceof SlipwayApiError) throw error
    const message = `${request.method} ${request.url} was not answered within ${Math.ceil(limitMs)} ms.`
    throw new SlipwayConnectionError('timeout', message, error)
  }
}

/** The pause that the server asked for, milliseconds. */
function askedFor(error: unknown): number {
  return error instanceof SlipwayApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
}
