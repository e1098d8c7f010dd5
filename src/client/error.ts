import type { ErrorCode } from '../errors.ts'
import type { Problem } from './types.ts'

/** The server refused: a problem (RFC 9457) with a stable `code`, what happened and why, and what to do. */
export class SlipwayApiError extends Error {
  override readonly name = 'SlipwayApiError'
  readonly status: number
  /** Why. A newer server may have codes that are not known here; `not_a_problem` is whoever answered in place of the server. */
  readonly code: ErrorCode | 'not_a_problem' | (string & {})
  /** What happened and why, in a sentence. */
  readonly detail: string
  /** Under this id the server's log may tell more. */
  readonly request_id: string | undefined
  /** The fields that were refused. */
  readonly errors: NonNullable<Problem['errors']>
  /** What can be done now. */
  readonly try: NonNullable<Problem['try']>
  /** All that was answered, with the fields of its code: `deployment_id`, `state`, `retry_after_seconds`. */
  readonly problem: Problem | undefined
  /** How long the server asks to wait before it is asked again. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, problem: Problem | undefined, retryAfterSeconds?: number) {
    const detail = problem?.detail ?? `Whoever answered with status ${status} is not Slipway.`
    super(detail)
    this.status = status
    this.code = problem?.code ?? 'not_a_problem'
    this.detail = detail
    this.request_id = problem?.request_id
    this.errors = problem?.errors ?? []
    this.try = problem?.try ?? []
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Nothing that could be understood came back: the server was not reached, did not answer in time, or the connection broke. */
export class SlipwayConnectionError extends Error {
  override readonly name = 'SlipwayConnectionError'
  /** `unreachable` says nothing of whether the request arrived. */
  readonly reason: 'unreachable' | 'timeout' | 'cut' | 'malformed'

  constructor(reason: SlipwayConnectionError['reason'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.reason = reason
  }
}
