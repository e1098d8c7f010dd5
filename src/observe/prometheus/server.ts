import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Is told of requests and streams by a server. */
export interface ServerObserver {
  /** A request was answered. `route` is a pattern such as `/v1/deployments/{id}`, or `none` where there is no such path. */
  answered(request: { method: string; route: string; status: number; seconds: number }): void
  /** A stream was opened; the function tells that it ended, once. */
  listening(stream: StreamKind): (why: StreamEnd) => void
}

export type StreamKind = 'events' | 'logs'
/** Why a stream ended: the reader left or the server closed, it was told to read the state anew, or it took nothing for too long. */
export type StreamEnd = 'over' | 'reset' | 'stalled'

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Counts what a server answers. Several servers over one Slipway count together. */
export function serverMetrics(registry: Registry): ServerObserver {
  const registers = [registry]
  const requests = new Counter({
    name: 'slipway_http_requests_total',
    help: 'Requests to the API, by the pattern of their path and the status they were answered with.',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'slipway_http_request_duration_seconds',
    help: 'Time until requests to the API were answered; of a stream, until it began.',
    labelNames: ['method', 'route'],
    buckets,
    registers,
  })
  const clients = new Gauge({
    name: 'slipway_stream_clients',
    help: 'Clients that listen to a stream now.',
    labelNames: ['stream'],
    registers,
  })
  const ends = new Counter({
    name: 'slipway_stream_ends_total',
    help: 'Streams that ended: over, reset (the reader has to read the state anew) or stalled (it took nothing for too long).',
    labelNames: ['stream', 'why'],
    registers,
  })
  for (const stream of ['events', 'logs'] as const) {
    clients.set({ stream }, 0)
    for (const why of ['over', 'reset', 'stalled'] as const) ends.inc({ stream, why }, 0)
  }
  return {
    answered({ method, route, status, seconds }) {
      requests.inc({ method, route, status })
      durations.observe({ method, route }, seconds)
    },
    listening(stream) {
      clients.inc({ stream })
      let ended = false
      return why => {
        if (ended) return
        ended = true
        clients.dec({ stream })
        ends.inc({ stream, why })
      }
    },
  }
}
