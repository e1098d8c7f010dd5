import type { Metric, Registry } from 'prom-client'

/** One value of a metric that is read when it is asked for. */
export interface Reading {
  readonly value: number
  readonly labels?: Readonly<Record<string, string | number>>
  /** The name of a histogram's part: `…_bucket`, `…_count`. */
  readonly metricName?: string
}

/** What a metric is. */
export interface Description {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
}

/** Registers a metric of which nothing is kept: its series are those of the moment, so that what is gone is gone from the answer too. */
export function collected(registry: Registry, described: Description, read: () => readonly Reading[]): void {
  const metric = {
    ...described,
    async get() {
      const values = read().map(({ labels = {}, ...reading }) => ({ ...reading, labels }))
      return { ...described, values, aggregator: 'sum' }
    },
    reset: () => {},
  }
  // A registry asks no more of its metrics than this, but its types name the classes of the library.
  registry.registerMetric(metric as unknown as Metric)
}
