/**
 * A revision's name in tables, steps, replicas and routes: `<digest>.<generation>`, such as `9f3c1a07be21d504.1`.
 * The digest says what the replicas are made of; the generation grows at a restart, or when a retired revision comes back.
 */
export type Revision = string

/** One row of the wanted state of an instance. */
export interface Row {
  readonly service: string
  readonly revision: Revision
  /** At least 1. */
  readonly replicas: number
  /** Whole percent of the service's traffic; 0 for a warm row, and for a service that is not routed. */
  readonly weight: number
  /** The release whose spec (health check, grace) the row is kept by. */
  readonly release: string
  /** A warm row is retired after this moment (RFC 3339). */
  readonly keepUntil?: string
}

/** The wanted state of an instance: at most one row per service and revision. */
export type Table = readonly Row[]

/** Service → revision → whole percent. */
export type Weights = Readonly<Record<string, Readonly<Record<Revision, number>>>>

/** What is measured while a hold lasts. */
export type Check =
  | {
      readonly type: 'errors'
      /** Fails when more than this share of the new revision's requests got a 5xx or no answer: 0.01 is one in a hundred. */
      readonly maxRate?: number
      /** Fails when the new revision's rate is more than this much above the old one's. */
      readonly maxRateAboveOld?: number
      /** With fewer requests than this the check passes on health alone and says so. Default 20. */
      readonly minRequests?: number
      /** With too little traffic, keep holding instead of passing. */
      readonly wait?: boolean
    }
  | {
      readonly type: 'latency'
      /** Fails when the 95th percentile of the new revision is above this. */
      readonly maxP95Ms?: number
      /** Fails when the new revision's p95 is more than this many times the old one's. */
      readonly maxP95Ratio?: number
      readonly minRequests?: number
      readonly wait?: boolean
    }
  /** Fails when a GET of the URL is not answered 2xx within a second. */
  | { readonly type: 'http'; readonly url: string; readonly timeoutMs?: number }
  /** A function registered with `createSlipway({ checks })`; it fails the step by returning a sentence. */
  | { readonly type: 'function'; readonly name: string }

/** What one step does, apart from its name and table. */
export type Move =
  /** Everything these revisions need is fetched, or the step fails with nothing touched. */
  | {
      readonly kind: 'prepare'
      readonly revisions: readonly { readonly service: string; readonly revision: Revision }[]
    }
  /** The service's `before` command, once. */
  | { readonly kind: 'task'; readonly service: string; readonly revision: Revision }
  /** That many replicas, ready for minHealthyMs. Never lowers. */
  | {
      readonly kind: 'run'
      readonly service: string
      readonly revision: Revision
      readonly replicas: number
      readonly release: string
    }
  /** One change for several services; a service left out keeps its weights, a revision left out of a named service gets 0. */
  | { readonly kind: 'route'; readonly weights: Weights }
  /** Bake: a failed check fails the step. */
  | { readonly kind: 'hold'; readonly seconds: number; readonly checks: readonly Check[] }
  /** Until promoted; with seconds it goes on by itself. */
  | { readonly kind: 'pause'; readonly gate: string; readonly seconds?: number }
  /** `replicas` remain; at 0 the row and its weight go. Never raises. */
  | { readonly kind: 'retire'; readonly service: string; readonly revision: Revision; readonly replicas: number }

/** One move of a plan, with the whole table that is wanted once it began. */
export type Step = { readonly name: string; readonly table: Table } & Move
