import type { DrainReport } from '../router.ts'
import type { LiveEndpoint } from './endpoint.ts'

/**
 * Waits until nothing is in flight to `endpoints`, or cuts what is left after `deadlineMs`. Requests and WebSockets are counted apart. A WebSocket
 * ends when its client or replica ends it; one that outlives the deadline is cut. When `signal` is aborted nothing is cut and the promise rejects.
 */
export async function drained(
  endpoints: readonly LiveEndpoint[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<DrainReport> {
  const takeBack: (() => void)[] = []
  const idle = Promise.all(
    endpoints.map(endpoint => new Promise<void>(resolve => takeBack.push(endpoint.onIdle(resolve)))),
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(resolve, deadlineMs, 'late')
  })
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    takeBack.push(() => signal.removeEventListener('abort', stop))
  })
  try {
    if ((await Promise.race([idle, late, aborted])) !== 'late')
      return { drained: true, cutRequests: 0, cutWebSockets: 0 }
    return cut(endpoints)
  } finally {
    clearTimeout(timer)
    for (const back of takeBack) back()
  }
}

function cut(endpoints: readonly LiveEndpoint[]): DrainReport {
  let cutRequests = 0
  let cutWebSockets = 0
  for (const endpoint of endpoints) {
    const requests = [...endpoint.requests]
    const webSockets = [...endpoint.webSockets]
    cutRequests += requests.length
    cutWebSockets += webSockets.length
    for (const one of [...requests, ...webSockets]) one.cut()
  }
  return { drained: cutRequests + cutWebSockets === 0, cutRequests, cutWebSockets }
}
