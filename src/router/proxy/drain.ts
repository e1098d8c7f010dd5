import type { DrainReport } from '../router.ts'
import type { LiveEndpoint } from './endpoint.ts'

/**
 * Waits until no request is in flight to `endpoints`, or cuts those that are left after `deadlineMs`. WebSockets are counted apart and not waited
 * for: they end with their replica. When `signal` is aborted nothing is cut and the promise rejects.
 */
export async function drained(
  endpoints: readonly LiveEndpoint[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<DrainReport> {
  const takeBack: (() => void)[] = []
  const idle = Promise.all(
    endpoints.map(endpoint => new Promise<void>(resolve => takeBack.push(endpoint.onDrained(resolve)))),
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
      return { drained: true, cutRequests: 0, openWebSockets: openWebSockets(endpoints) }
    return cut(endpoints)
  } finally {
    clearTimeout(timer)
    for (const back of takeBack) back()
  }
}

function cut(endpoints: readonly LiveEndpoint[]): DrainReport {
  const late = endpoints.flatMap(endpoint => [...endpoint.requests, ...endpoint.handshakes])
  for (const one of late) one.cut()
  return { drained: late.length === 0, cutRequests: late.length, openWebSockets: openWebSockets(endpoints) }
}

function openWebSockets(endpoints: readonly LiveEndpoint[]): number {
  return endpoints.reduce((sum, endpoint) => sum + endpoint.webSockets.size, 0)
}
