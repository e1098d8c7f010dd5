import { Registry } from 'prom-client'
import { messageOf } from '../../errors.ts'
import type { Router } from '../../router/router.ts'
import type { Observer } from '../observer.ts'
import { collected, type Reading } from './collected.ts'
import { engineMetrics } from './engine.ts'
import { contentTypes, exposition, type Format } from './exposition.ts'
import { processMetrics } from './process.ts'
import { type ServerObserver, serverMetrics } from './server.ts'
import { type StateParts, stateMetrics } from './state.ts'
import { type Look, trafficMetrics } from './traffic.ts'

/** How much is told. */
export interface MetricsOptions {
  /** Of so many instances, the newest, the traffic is told by revision. Default 400; 0 tells none. */
  readonly trafficOfInstances?: number
}

/** The metrics of one Slipway, in a registry of their own. */
export interface Metrics {
  /** Is told what happens. */
  readonly observer: Observer
  /** Is told what a server answers. */
  readonly server: ServerObserver
  /** For metrics of your own, which are told beside these. */
  readonly registry: Registry
  /** What is read at each scrape, once everything is put together. */
  readFrom(parts: Scraped): void
  /** Everything, as it is now. What can't be read is told as it was, and `slipway_scrape_faults` says so. */
  scrape(format?: Format): Promise<{ readonly contentType: string; readonly text: string }>
  stop(): void
}

/** What gauges and the counters of the router are read from. */
export interface Scraped extends StateParts {
  readonly router: Pick<Router, 'traffic'>
  readonly log: { warn(data: object, text: string): void }
}

/** A part that answers nothing for so long is not waited for, milliseconds. */
const lookMs = 5_000

/** Metrics of a Slipway of this version with these strategies. */
export function slipwayMetrics(
  strategies: readonly string[],
  version: string,
  { trafficOfInstances = 400 }: MetricsOptions = {},
): Metrics {
  const registry = new Registry()
  const observer = engineMetrics(registry, strategies)
  const server = serverMetrics(registry)
  const own = processMetrics(registry)
  const looks = new Map<string, Look>([['process', own]])
  const faulty = new Set<string>()
  let log: Scraped['log'] | undefined
  const gauge = (name: string, help: string, read: () => readonly Reading[]): void =>
    collected(registry, { name, help, type: 'gauge' }, read)
  gauge('slipway_scrape_faults', 'Whether a part could not be read; what it told before is told again.', () =>
    [...looks.keys()].map(part => ({ labels: { part }, value: faulty.has(part) ? 1 : 0 })),
  )
  gauge('slipway_build_info', 'The version that runs; always 1.', () => [{ labels: { version }, value: 1 }])

  const look = async (): Promise<void> => {
    const signal = AbortSignal.timeout(lookMs)
    await Promise.all(
      [...looks].map(async ([part, { look }]) => {
        try {
          await look(signal)
          faulty.delete(part)
        } catch (error) {
          faulty.add(part)
          log?.warn({ part, error: messageOf(error) }, 'a part could not be read for its metrics')
        }
      }),
    )
  }
  let looking: Promise<void> | undefined
  return {
    observer,
    server,
    registry,
    readFrom(parts) {
      log = parts.log
      looks.set('store', stateMetrics(registry, parts))
      looks.set('router', trafficMetrics(registry, parts, trafficOfInstances))
    },
    async scrape(format = 'text') {
      // Who asks while somebody else looks is told what that one sees.
      looking ??= look().finally(() => (looking = undefined))
      await looking
      return { contentType: contentTypes[format], text: await exposition(registry, format) }
    },
    stop: () => own.stop(),
  }
}
