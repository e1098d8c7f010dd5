/** Every code a user of Slipway can meet, with the HTTP status a server answers it with and the sentence `explain` prints. */
export const errorCodes = {
  invalid_request: { status: 400, meaning: 'The request has a field that is missing, too large or not of its form.' },
  unauthenticated: { status: 401, meaning: 'The caller did not prove who they are.' },
  forbidden: { status: 403, meaning: 'The caller may not do this.' },
  not_found: { status: 404, meaning: 'There is no such thing for this tenant.' },
  already_exists: { status: 409, meaning: 'Something with this name exists already.' },
  token_revoked: { status: 409, meaning: 'The token was revoked, or rotated by someone else at the same moment.' },
  webhook_disabled: { status: 409, meaning: 'The webhook is disabled, so nothing is sent to it.' },
  quota_exceeded: { status: 403, meaning: 'The tenant would have more than its quota allows.' },
  tenant_suspended: { status: 403, meaning: 'The tenant takes no new work: it is suspended, or was deleted.' },
  tenant_not_empty: { status: 409, meaning: 'The tenant still has instances or secrets.' },
  method_not_allowed: { status: 405, meaning: 'There is such a path, but not with this method.' },
  body_too_large: { status: 413, meaning: 'The body of the request is larger than the server takes.' },
  unsupported_media_type: { status: 415, meaning: 'The body of the request is not JSON.' },
  not_confirmed: { status: 400, meaning: 'What would be destroyed was not confirmed by its name.' },
  precondition_required: { status: 428, meaning: 'A change names the version it was made for, with If-Match.' },
  precondition_failed: { status: 412, meaning: 'The thing was changed since the version named with If-Match.' },
  idempotency_key_reused: { status: 422, meaning: 'The idempotency key came with another request before.' },
  idempotency_in_flight: { status: 409, meaning: 'The request with this idempotency key has not ended.' },
  secret_already_shown: { status: 409, meaning: 'The request was done, and its secret is shown only once.' },
  rate_limited: {
    status: 429,
    meaning: 'The token has sent too many requests in a short time, or its address too many that were refused.',
  },
  unknown_strategy: { status: 400, meaning: 'No strategy of this name is registered.' },
  unknown_provider: { status: 400, meaning: 'No provider of this name is registered.' },
  unknown_service: { status: 400, meaning: 'The instance has no service of this name.' },
  unknown_secret: { status: 400, meaning: 'The tenant has no secret of this name, or not in this version.' },
  unknown_reference: { status: 400, meaning: 'A $URL_… names a service that is not there or has no port.' },
  unknown_port: { status: 400, meaning: 'A field names a port that the service does not declare.' },
  missing_capability: { status: 400, meaning: 'The provider cannot do what a service asks of it.' },
  empty_services: { status: 400, meaning: 'A deploy names at least one service.' },
  duplicate_service: { status: 400, meaning: 'A service is named twice.' },
  empty_image: { status: 400, meaning: 'A service needs an image.' },
  dependency_cycle: { status: 400, meaning: 'Services depend on each other in a circle.' },
  bad_health_check: { status: 400, meaning: 'The health check could never succeed as written.' },
  bad_options: { status: 400, meaning: 'The options do not fit the strategy.' },
  image_unavailable: {
    status: 422,
    meaning: 'The image cannot be had: it is not where its name says, or cannot be read.',
  },
  instance_state: { status: 409, meaning: 'The instance is in a state in which this cannot be done.' },
  needs_attention: {
    status: 409,
    meaning: 'Somebody has to look at the instance, and adopt or delete it, before anything else is done to it.',
  },
  instance_busy: {
    status: 409,
    meaning: 'Another deployment of the instance runs or waits, and the caller asked not to queue.',
  },
  stale_release: { status: 412, meaning: 'Another release is active than the caller expected.' },
  never_active: { status: 409, meaning: 'The release was never active, so there is nothing to roll back to.' },
  unrestorable: {
    status: 409,
    meaning: 'The release needs something that is gone: a secret version, or the copy of an image.',
  },
  already_ended: { status: 409, meaning: 'The deployment has ended.' },
  undoing: { status: 409, meaning: 'The deployment is being undone.' },
  not_paused: { status: 409, meaning: 'The deployment is not paused at this gate.' },
  not_retryable: { status: 409, meaning: 'Only a failed or cancelled deployment can be retried.' },
  image_gone: { status: 500, meaning: 'The copy of an image that a release needs is no longer there.' },
  bad_step: { status: 500, meaning: 'A strategy asked for a step whose table does not follow from the one before.' },
  plan_changed: { status: 500, meaning: 'A strategy asked for another step than it did before it was interrupted.' },
  step_failed: { status: 500, meaning: 'A step of the rollout did not come true.' },
  progress_deadline: { status: 500, meaning: 'No replica made progress before the deadline.' },
  crash_loop: { status: 500, meaning: 'A new replica exited again and again.' },
  check_failed: { status: 500, meaning: 'A check of a hold went over its threshold.' },
  task_interrupted: {
    status: 500,
    meaning: 'The command that runs before the service was cut off, and may not be run again.',
  },
  task_timeout: { status: 500, meaning: 'A task took longer than it may, and was stopped.' },
  task_failed: { status: 500, meaning: 'A task, or the command that runs before a service, ended with an error.' },
  pause_deadline: { status: 500, meaning: 'Nobody promoted the deployment before the deadline of its pause.' },
  strategy_failed: { status: 500, meaning: 'The strategy itself threw an error.' },
  events_gone: { status: 410, meaning: 'The log of events was pruned beyond the place to go on from.' },
  lease_lost: { status: 503, meaning: 'Another worker owns the instance now; this one dropped its work.' },
  unavailable: { status: 503, meaning: 'A part Slipway needs does not answer right now.' },
  disk_full: {
    status: 507,
    meaning: 'The disk that Slipway keeps its data on is full, or so nearly that new work is refused.',
  },
  overloaded: { status: 503, meaning: 'More is asked of Slipway than its disk takes right now; nothing was changed.' },
  ports_exhausted: { status: 503, meaning: 'No port of the configured range is free.' },
  closed: { status: 503, meaning: 'Slipway was closed while the call was under way.' },
  internal: { status: 500, meaning: 'A defect in Slipway.' },
} as const

/** One of the stable codes of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes

/** One field of a request that was refused: where it is (a JSON pointer) and what is wrong with it. */
export interface FieldError {
  readonly pointer: string
  readonly detail: string
}

/**
 * The one error Slipway throws at its users: a stable `code`, one sentence of what happened and why (`message`), and what to do `next`.
 *
 * @example
 * throw new SlipwayError('unknown_service', 'Instance "shop" has no service "wbe".', { next: 'Its services are: web, api.' })
 */
export class SlipwayError extends Error {
  readonly code: ErrorCode
  /** What the reader can do now, as a sentence. */
  readonly next?: string
  /** The fields that were refused, when the request had several faults. */
  readonly fields?: readonly FieldError[]
  /** Ids a program may need: the deployment, the state, the release that is active. */
  readonly details?: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    more: { next?: string; fields?: readonly FieldError[]; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'SlipwayError'
    this.code = code
    if (more.next !== undefined) this.next = more.next
    if (more.fields !== undefined) this.fields = more.fields
    if (more.details !== undefined) this.details = more.details
  }
}

/** Whether `error` is a {@link SlipwayError}, of this code when one is given. */
export function isSlipwayError(error: unknown, code?: ErrorCode): error is SlipwayError {
  return error instanceof SlipwayError && (code === undefined || error.code === code)
}

/** Whether Slipway itself is short of something: of room on its disk, or of time on it. That is never a fault of what was asked, however long it lasts. */
export function isShortage(error: unknown): error is SlipwayError {
  return isSlipwayError(error, 'disk_full') || isSlipwayError(error, 'overloaded')
}

/** Whether the error is about the surroundings and passes by itself: a part that does not answer, a disk without room or too slow. It says nothing about what was asked. */
export function isPassing(error: unknown): error is SlipwayError {
  return isSlipwayError(error, 'unavailable') || isShortage(error)
}

/** What a system call met, as `disk_full` when it found no room; any other error as it is. */
export function roomFault(error: unknown, what: string): unknown {
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new SlipwayError('disk_full', `${what}: the disk is full (${messageOf(error)}).`, {
    next: makeRoom,
    cause: error,
  })
}

/** What to do about a full disk. */
export const makeRoom = 'Make room on that disk; nothing that was committed is lost, and what waits goes on by itself.'

/** The message of whatever was thrown, as one line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
