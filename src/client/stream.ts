import type { RouteKey } from '../server/index.ts'
import { mostPauseMs } from './call.ts'
import { SlipwayApiError, SlipwayConnectionError } from './error.ts'
import type { Answered, Settings } from './options.ts'
import { prepare, type Sent } from './request.ts'
import { mayRepeat } from './retry.ts'
import { causeOf, send } from './send.ts'
import { type Block, blockReader } from './sse.ts'
import { backoff, wait } from './wait.ts'

/** What comes of a stream. */
export type Told =
  | { readonly kind: 'message'; readonly event: string; readonly data: unknown }
  /** It was cut, and is open again after this place; undefined when it had none. */
  | { readonly kind: 'reopened'; readonly after: string | undefined }

/** Opens a stream, and opens it again after the last place it told whenever it breaks off, until the signal is aborted. */
export type Stream = (key: RouteKey, sent: Sent) => AsyncGenerator<Told, void>

/** More beats than that without a word, and the connection is dead. */
const silentBeats = 2

/** Opens streams of one server. */
export function streamer(settings: Settings): Stream {
  return (key, sent) => resumed(key, sent, settings)
}

async function* resumed(key: RouteKey, sent: Sent, settings: Settings): AsyncGenerator<Told, void> {
  const { signal, onConnection: told } = sent.options ?? {}
  let [place, opened, failures, retryMs] = [sent.lastEventId, false, 0, mostPauseMs]
  let heardAt = performance.now()
  for (;;) {
    const cut = new AbortController()
    try {
      const blocks = await open(key, { ...sent, lastEventId: place }, cut, settings)
      if (opened) {
        told?.('back')
        yield { kind: 'reopened', after: place }
      }
      opened = true
      for await (const block of blocks) {
        ;[failures, heardAt] = [0, performance.now()]
        place = block.id ?? place
        retryMs = block.retryMs ?? retryMs
        if (block.data !== undefined) yield { kind: 'message', event: block.event, data: JSON.parse(block.data) }
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (!mayRepeat(error, { idempotent: true })) throw error
      if (opened ? performance.now() - heardAt > settings.reconnectMs : failures >= settings.retries) throw error
      retryMs = Math.max(retryMs, error instanceof SlipwayApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0)
    } finally {
      cut.abort()
    }
    failures++
    if (opened && failures === 1) told?.('lost')
    await wait(backoff(failures, settings.backoffMs, retryMs), signal)
  }
}

async function open(
  key: RouteKey,
  sent: Sent,
  cut: AbortController,
  settings: Settings,
): Promise<AsyncGenerator<Block, void>> {
  const request = prepare(key, sent, settings)
  const given = sent.options?.signal
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), settings.attemptMs)
  try {
    const signals = [cut.signal, late.signal, ...(given ? [given] : [])]
    const answer = await send(request, AbortSignal.any(signals), settings)
    return blocksOf(answer, settings.beatMs * silentBeats, given)
  } catch (error) {
    if (!late.signal.aborted || error instanceof SlipwayApiError) throw error
    const message = `The stream ${request.url} was not opened within ${settings.attemptMs} ms.`
    throw new SlipwayConnectionError('timeout', message, error)
  } finally {
    clearTimeout(timer)
  }
}

async function* blocksOf(
  answer: Answered,
  silenceMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Block, void> {
  if (!answer.body) return
  const reader = answer.body.getReader()
  const decoder = new TextDecoder()
  const read = blockReader()
  try {
    for (;;) {
      const { done, value } = await soon(reader.read(), silenceMs)
      if (done) return
      yield* read(decoder.decode(value, { stream: true }))
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (error instanceof SlipwayConnectionError) throw error
    throw new SlipwayConnectionError('cut', `The stream broke off: ${causeOf(error)}.`, error)
  } finally {
    reader.cancel().catch((error: unknown) => void error) // because it has failed already, or nobody wants the rest
  }
}

/** What is read, unless nothing comes for so long. Time in which nobody reads does not count. */
async function soon<T>(reading: Promise<T>, silenceMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new SlipwayConnectionError('timeout', `Nothing came on the stream for ${silenceMs} ms.`))
    }, silenceMs)
  })
  try {
    return await Promise.race([reading, silence])
  } finally {
    clearTimeout(timer)
  }
}
