import { type ServerResponse, STATUS_CODES } from 'node:http'

/** Why the proxy itself answers. Shown in `x-slipway-error`, so that nobody takes it for the application's. */
export type RefusalReason = 'unknown_host' | 'bad_request' | 'no_replica' | 'unreachable' | 'broken' | 'timeout' | 'cut'

const refusals: Record<RefusalReason, { readonly status: number; readonly detail: string; readonly retry: boolean }> = {
  unknown_host: { status: 404, detail: 'No service is routed here under this host name.', retry: false },
  bad_request: { status: 400, detail: 'The request has no path that could be forwarded.', retry: false },
  no_replica: { status: 503, detail: 'No replica of the service takes requests right now.', retry: true },
  unreachable: { status: 503, detail: 'No replica of the service could be reached; nothing was sent.', retry: true },
  broken: { status: 502, detail: 'The replica closed the connection before it answered.', retry: false },
  timeout: { status: 504, detail: 'The replica did not begin to answer in time.', retry: false },
  cut: { status: 503, detail: 'The replica is being stopped and the request outlived its drain.', retry: true },
}

/** Status the proxy answers with for this reason. */
export function refusalStatus(reason: RefusalReason): number {
  return refusals[reason].status
}

/** Answers in place of a replica, as a problem (RFC 9457). */
export function refuse(res: ServerResponse, reason: RefusalReason, close: boolean): void {
  const { status, detail, retry } = refusals[reason]
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code: reason })
  res.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-slipway-error': reason,
    ...(retry ? { 'retry-after': '1' } : {}),
    ...(close ? { connection: 'close' } : {}),
  })
  res.end(body)
}
