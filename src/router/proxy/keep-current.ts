import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, SlipwayError } from '../../errors.ts'
import { type Hello, oldestProtocol, protocol } from './control.ts'
import type { ProxyLog } from './link.ts'
import { compareVersions, ownVersion } from './version.ts'

const longestRetryMs = 600_000

/** Whether this control plane and that proxy understand each other's calls. */
export function understands(proxy: Hello): boolean {
  return (proxy.protocol ?? 1) >= oldestProtocol && (proxy.oldestProtocol ?? 1) <= protocol
}

/** Whether the proxy is of an older version than this one. */
export function isOlder(proxy: Hello): boolean {
  return compareVersions(proxy.version ?? '0.0.0', ownVersion) < 0
}

/** The error for a proxy that is too new to be talked to. */
export function foreignProtocol(proxy: Hello): SlipwayError {
  const { version = '' } = proxy
  return new SlipwayError(
    'unavailable',
    `The proxy that serves is of version ${version}, and does not understand this version of Slipway, ${ownVersion}, any more.`,
    {
      next: `Run Slipway ${version} or later; or end the proxy (kill ${proxy.pid}): it is started again in this version, with its routes.`,
    },
  )
}

/** What keeping current takes. */
export interface KeepCurrent {
  readonly hello: () => Promise<Hello>
  readonly upgrade: () => Promise<number>
  readonly log: ProxyLog
  /** How long after a failure it is tried again at first, ms; then twice as long each time, up to ten minutes. */
  readonly firstRetryMs: number
  readonly signal: AbortSignal
}

/** Puts this version in the place of an older proxy, in place, until that is done. Never rejects; what failed is logged and tried again. */
export async function keepCurrent({ hello, upgrade, log, firstRetryMs, signal }: KeepCurrent): Promise<void> {
  for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(2 * retryMs, longestRetryMs)) {
    try {
      const proxy = await hello()
      if (!isOlder(proxy)) return
      const pid = await upgrade()
      log.info({ from: proxy.version, to: ownVersion, pid }, 'the proxy was upgraded in place')
      return
    } catch (error) {
      if (signal.aborted) return
      log.warn({ error: messageOf(error), retryMs }, 'the proxy could not be upgraded; it is tried again')
    }
    try {
      await delay(retryMs, undefined, { signal, ref: false })
    } catch (error) {
      void error // closed: the loop sees its signal
    }
  }
}
