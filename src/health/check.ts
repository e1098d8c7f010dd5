/** What every kind of check shares. Times in milliseconds. */
export interface CheckTiming {
  /** Time between two probes once the replica is ready. Default 1000. (Before that, probes come every 5 ms, growing to 50 ms.) */
  readonly intervalMs?: number
  /** How long one probe may take. Default 1000. */
  readonly timeoutMs?: number
  /** Successes in a row that make a replica ready. Default 1. */
  readonly healthyAfter?: number
  /** Failures in a row that make a ready replica unready. Default 3. */
  readonly unhealthyAfter?: number
  /** How long a replica must stay ready before it counts. Default 1000. */
  readonly minHealthyMs?: number
}

/**
 * How Slipway finds out whether a replica can take work. A routed service without one is checked by TCP on its port;
 * a worker without one is ready while it runs.
 */
export type HealthCheck = CheckTiming &
  (
    | {
        readonly type: 'http'
        /** Path to GET. Default `/`. */
        readonly path?: string
        /** Name of the port; default the service's first. */
        readonly port?: string
        /** Lowest and highest status that is healthy. Default 200 and 399. */
        readonly status?: readonly [number, number]
        readonly headers?: Readonly<Record<string, string>>
      }
    | { readonly type: 'tcp'; readonly port?: string }
    | {
        readonly type: 'command'
        /** Run beside the replica with its environment; exit code 0 is healthy. */
        readonly command: readonly string[]
      }
  )

/** The defaults of {@link CheckTiming}; docs and schemas print these. */
export const checkDefaults = {
  intervalMs: 1000,
  timeoutMs: 1000,
  healthyAfter: 1,
  unhealthyAfter: 3,
  minHealthyMs: 1000,
} as const satisfies Required<CheckTiming>

/** Three values: an unreachable platform is `unknown`, which neither counts as ready nor fails a step early. */
export type Health = 'ready' | 'unready' | 'unknown'
