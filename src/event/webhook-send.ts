import { type Dispatcher, request } from 'undici'
import { after, type Clock, timestamp } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { retryAfterMs } from './webhook-schedule.ts'

/** So much of an answer is read, bytes. */
const readBytes = 4096
/** So much of it is kept. */
export const keptCharacters = 512

/** One request to a receiver. */
export interface Sending {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  /** The whole of it may take so long. */
  readonly timeoutMs: number
  /** Ends it, and rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** Takes secrets out of what the receiver says. */
  readonly mask: (text: string) => Promise<string>
}

/** What came of it. */
export interface Outcome {
  readonly attempt: {
    readonly at: string
    readonly durationMs: number
    readonly status?: number
    readonly error?: string
    readonly answer?: string
  }
  /** `gone`: the receiver wants nothing any more. */
  readonly kind: 'delivered' | 'failed' | 'gone'
  /** How long it asks to be left alone. */
  readonly retryAfterMs?: number
}

/** Sends, and says what came of it; never follows where a receiver points to. */
export async function send(sending: Sending): Promise<Outcome> {
  const { clock, timeoutMs, signal, mask } = sending
  const at = timestamp(clock.now())
  const begun = clock.monotonic()
  const over = new AbortController()
  const cancel = after(clock, timeoutMs, () => over.abort(new Error(`no answer within ${timeoutMs / 1000} s`)))
  const took = () => ({ at, durationMs: Math.round(clock.monotonic() - begun) })
  try {
    const answer = await post(sending, AbortSignal.any([signal, over.signal]))
    const { status, text, retryAfter } = answer
    const said = text === '' ? {} : { answer: (await mask(text)).slice(0, keptCharacters).toWellFormed() }
    const attempt = { ...took(), status, ...said }
    if (status >= 200 && status < 300) return { kind: 'delivered', attempt }
    const waitMs = retryAfterMs(retryAfter, clock.now())
    return {
      kind: status === 410 ? 'gone' : 'failed',
      attempt: { ...attempt, error: errorOf(status) },
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: 'failed', attempt: { ...took(), error: await mask(causeOf(error)) } }
  } finally {
    cancel()
  }
}

async function post(
  { url, headers, body, dispatcher }: Sending,
  signal: AbortSignal,
): Promise<{ status: number; text: string; retryAfter?: string }> {
  const answer = await request(url, { method: 'POST', headers, body, dispatcher, signal })
  const retryAfter = answer.headers['retry-after']
  return {
    status: answer.statusCode,
    text: await beginning(answer.body),
    ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
  }
}

/** The first of an answer. Its status was there: what becomes of the rest changes nothing. */
async function beginning(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= readBytes) break // which closes the connection
    }
  } catch (error) {
    void error // because the receiver said what it had to say
  }
  return Buffer.concat(chunks).subarray(0, readBytes).toString('utf8')
}

function errorOf(status: number): string {
  if (status >= 300 && status < 400) return `answered ${status}; where it points to is not followed`
  if (status === 410) return 'answered 410: it wants nothing any more'
  return `answered ${status}`
}

function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0])
  return messageOf(error) || ((error as NodeJS.ErrnoException | undefined)?.code ?? 'no answer')
}
