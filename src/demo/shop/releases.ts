/** What one release of one service of the shop is, and how it misbehaves. */
export interface ShopRelease {
  readonly service: 'web' | 'api' | 'worker'
  readonly version: string
  /** Waits this long before it listens. */
  readonly listenAfterMs?: number
  /** Waits this long before each answer. */
  readonly answerAfterMs?: number
  /** Answers 500 to every so-manieth request, beginning with number `from`. */
  readonly fails?: { readonly every: number; readonly from: number }
  /** Listens, but answers /healthz with 503 and this text. */
  readonly unhealthy?: string
  /** Exits with 1 when one of these environment variables is not set. */
  readonly needs?: readonly string[]
}

/** Every release of the shop by the name of its folder. */
export const shopReleases = {
  'web-1': { service: 'web', version: '1' },
  'web-2': { service: 'web', version: '2' },
  'web-3': { service: 'web', version: '3' },
  'web-4': { service: 'web', version: '4' },
  /** Listens but never gets healthy. */
  'web-broken': { service: 'web', version: 'broken', unhealthy: 'db pool exhausted' },
  /**
   * Fails 2 % of its requests: little enough to pass every probe, enough for a check of the error rate. By count, not by chance, and
   * early, so that a rate above 1 % shows after 25 requests to a replica and stays.
   */
  'web-leaky': { service: 'web', version: 'leaky', fails: { every: 50, from: 25 } },
  'api-1': { service: 'api', version: '1' },
  'api-2': { service: 'api', version: '2' },
  'api-3': { service: 'api', version: '3' },
  /** Exits at once, because nobody gave it a database. */
  'api-broken': { service: 'api', version: 'broken', needs: ['DATABASE_URL'] },
  /** Takes 800 ms to listen and 100 ms longer to answer. */
  'api-slow': { service: 'api', version: 'slow', listenAfterMs: 800, answerAfterMs: 100 },
  'worker-1': { service: 'worker', version: '1' },
  'worker-2': { service: 'worker', version: '2' },
  'worker-3': { service: 'worker', version: '3' },
} as const satisfies Record<string, ShopRelease>

export type ShopReleaseName = keyof typeof shopReleases
