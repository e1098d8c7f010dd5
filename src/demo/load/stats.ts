import { emptyHistogram, type Histogram, observe } from './histogram.ts'
import { type Answerer, type LossCause, lossCauses, type Verdict } from './judge.ts'

/** What the generator counted so far. Counters only grow. */
export interface LoadStats {
  /** How long it has been sending, milliseconds. */
  readonly sendingMs: number
  /** Requests sent, slow ones included; `answered + appErrors + lost + inFlight`, less what the WebSockets lost. */
  readonly sent: number
  /** Complete, right answers. */
  readonly answered: number
  /** Errors the application itself answered. Not lost. */
  readonly appErrors: number
  /** Requests without a complete, right answer from a replica of the service, and what WebSockets lost. */
  readonly lost: number
  readonly inFlight: number
  /** What `lost` is made of. */
  readonly causes: Readonly<Record<LossCause, number>>
  /** The first losses, each as a sentence with its time. At most 20. */
  readonly losses: readonly string[]
  /** Service → version → requests it took part in answering, errors of its own included. */
  readonly versions: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Service → version → when the last request was sent that it took part in answering, milliseconds since 1970. */
  readonly lastSentAt: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** From sending to the end of the answer, of requests to `path`. */
  readonly latency: Histogram
  readonly webSockets: WebSocketStats
  /** The furthest a request was sent behind its time, milliseconds: how late the generator itself was. */
  readonly lateMs: number
}

export interface WebSocketStats {
  readonly open: number
  /** Connections made, the first of each included. */
  readonly opened: number
  /** Connections the server ended with a close frame. */
  readonly closed: number
  readonly sent: number
  readonly echoed: number
  /** Messages that met a close frame on their way; sent again on the next connection. */
  readonly crossed: number
  /** Handshakes that failed, connections cut without a close frame, messages without echo. Part of the total `lost`. */
  readonly lost: number
}

/** The last stats of a generator that was stopped: nothing is in flight any more. */
export type LoadReport = LoadStats

/** One request, or WebSocket message, that was lost. Times are those of the wall clock, which all processes of a machine share. */
export interface Loss {
  /** What it was: a request, a slow request, something of a WebSocket. */
  readonly what: string
  readonly cause: LossCause
  readonly text: string
  readonly sentAt: number
  readonly lostAt: number
}

/** Mutable stats, as the generator's process keeps them. */
export interface Tally {
  readonly webSockets: { -readonly [Key in keyof WebSocketStats]: number }
  sent(): void
  ended(kind: 'plain' | 'slow', verdict: Verdict, ms: number): void
  lostWebSocket(cause: LossCause, text: string): void
  late(ms: number): void
  stats(sendingMs: number): LoadStats
}

/** Stats before anything was sent. */
export function emptyStats(): LoadStats {
  return startTally().stats(0)
}

/** Begins to count. `onLoss` is told of each that is lost. */
export function startTally(onLoss: (loss: Loss) => void = () => {}): Tally {
  const began = performance.now()
  const counts = { sent: 0, answered: 0, appErrors: 0, lost: 0, inFlight: 0, lateMs: 0 }
  const causes = Object.fromEntries(lossCauses.map(cause => [cause, 0])) as Record<LossCause, number>
  const losses: string[] = []
  const versions: Record<string, Record<string, number>> = {}
  const lastSentAt: Record<string, Record<string, number>> = {}
  const latency = emptyHistogram()
  const webSockets = { open: 0, opened: 0, closed: 0, sent: 0, echoed: 0, crossed: 0, lost: 0 }

  const lose = (what: string, cause: LossCause, text: string, ms = 0): void => {
    counts.lost++
    causes[cause]++
    const lostAt = Date.now()
    onLoss({ what, cause, text, sentAt: Math.round(lostAt - ms), lostAt })
    if (losses.length < 20)
      losses.push(`${((performance.now() - began) / 1000).toFixed(3)} s: ${what}: ${cause}: ${text}`)
  }
  const credit = ({ service, version }: Answerer, sentAt: number): void => {
    const ofService = (versions[service] ??= {})
    ofService[version] = (ofService[version] ?? 0) + 1
    const sentTo = (lastSentAt[service] ??= {})
    sentTo[version] = Math.max(sentTo[version] ?? 0, sentAt)
  }

  return {
    webSockets,
    sent() {
      counts.sent++
      counts.inFlight++
    },
    ended(kind, verdict, ms) {
      counts.inFlight--
      if (verdict.type === 'lost')
        return lose(kind === 'slow' ? 'slow request' : 'request', verdict.cause, verdict.text, ms)
      if (verdict.type === 'right') counts.answered++
      else counts.appErrors++
      const sentAt = Math.round(Date.now() - ms)
      for (const answerer of verdict.answerers) credit(answerer, sentAt)
      if (kind === 'plain') observe(latency, ms)
    },
    lostWebSocket(cause, text) {
      webSockets.lost++
      lose('WebSocket', cause, text)
    },
    late(ms) {
      counts.lateMs = Math.max(counts.lateMs, ms)
    },
    stats: sendingMs =>
      structuredClone({ sendingMs, ...counts, causes, losses, versions, lastSentAt, latency, webSockets }),
  }
}
