import { SlipwayApiError, SlipwayConnectionError } from './error.ts'
import type { Answered, Settings } from './options.ts'
import type { Prepared } from './request.ts'
import type { Problem } from './types.ts'
import { unlessAborted } from './wait.ts'

/**
 * Sends a request once. A token that is refused is asked for anew, once.
 *
 * @throws SlipwayApiError when it is refused, SlipwayConnectionError when nothing came back, the signal's reason when it is aborted
 */
export async function send(request: Prepared, signal: AbortSignal, settings: Settings): Promise<Answered> {
  const token = await tokenOf(settings, signal)
  const answer = await exchange(request, token, signal, settings)
  if (answer.ok || answer.status === 304) return answer
  if (answer.status === 401 && typeof settings.token === 'function') {
    const fresh = await tokenOf(settings, signal)
    if (fresh !== token) {
      await answer.body?.cancel()
      const second = await exchange(request, fresh, signal, settings)
      if (second.ok || second.status === 304) return second
      throw await refusalOf(second, request)
    }
  }
  throw await refusalOf(answer, request)
}

async function tokenOf({ token }: Settings, signal: AbortSignal): Promise<string | undefined> {
  return await unlessAborted(typeof token === 'function' ? token() : token, signal)
}

async function exchange(
  { method, url, headers, body }: Prepared,
  token: string | undefined,
  signal: AbortSignal,
  settings: Settings,
): Promise<Answered> {
  signal.throwIfAborted()
  try {
    return await settings.fetch(url, {
      method,
      headers: { ...headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
      signal,
      // A token goes nowhere but where its owner sent it.
      redirect: 'error',
      ...(body === undefined ? {} : { body }),
    })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw new SlipwayConnectionError('unreachable', `${method} ${url} had no answer: ${causeOf(error)}.`, error)
  }
}

async function refusalOf(answer: Answered, request: Prepared): Promise<SlipwayApiError> {
  const text = await textOf(answer, request)
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
  const retryAfter = Number.isFinite(seconds) ? [seconds] : []
  if (!answer.headers.get('content-type')?.includes('application/problem+json')) {
    return new SlipwayApiError(answer.status, undefined, ...retryAfter)
  }
  return new SlipwayApiError(answer.status, parsed(text, request) as Problem, ...retryAfter)
}

/** What was answered, as text. Throws SlipwayConnectionError when it breaks off. */
export async function textOf(answer: Answered, { method, url }: Prepared): Promise<string> {
  try {
    return await answer.text()
  } catch (error) {
    throw new SlipwayConnectionError('cut', `The answer to ${method} ${url} broke off: ${causeOf(error)}.`, error)
  }
}

/** What was answered, as JSON. Throws SlipwayConnectionError when it is none. */
export function parsed(text: string, { method, url }: Prepared): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SlipwayConnectionError('malformed', `The answer to ${method} ${url} is not JSON.`, error)
  }
}

/** The reason a platform gives is often one layer down. */
export function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}
