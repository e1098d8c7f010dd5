import { isSlipwayError, makeRoom, messageOf, SlipwayError } from '../../errors.ts'

/** PostgreSQL's codes that are told apart here: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codes = {
  unique: '23505',
  readOnly: '25006',
  idleInTransaction: '25P03',
  badAuthorization: '28000',
  badPassword: '28P01',
  noDatabase: '3D000',
  serialization: '40001',
  deadlock: '40P01',
  notAllowed: '42501',
  diskFull: '53100',
  tooMany: '53300',
  lockTimeout: '55P03',
  cancelled: '57014',
} as const

/** What a statement met, as an error a person can act on; any other error as it is. `server`: which one, for the sentence. */
export function faultOf(error: unknown, server: string): unknown {
  if (isSlipwayError(error)) return error
  const tell = (code: 'disk_full' | 'internal' | 'overloaded' | 'unavailable', what: string, next: string): unknown =>
    new SlipwayError(code, `${what}: ${reasonOf(error)}.`, { next, cause: error })
  switch (codeOf(error)) {
    case codes.diskFull:
      return tell('disk_full', `PostgreSQL at ${server} has no room to grow`, makeRoom)
    case codes.idleInTransaction:
      return tell('internal', 'A transaction waited too long for its next statement', insideTransaction)
    case codes.serialization:
    case codes.deadlock:
    case codes.lockTimeout:
    case codes.cancelled:
      return tell('overloaded', `PostgreSQL at ${server} gave a statement up`, tryAgain)
    case codes.readOnly:
      return tell('unavailable', `PostgreSQL at ${server} takes no writes`, 'Point Slipway at the primary.')
    case codes.badAuthorization:
    case codes.badPassword:
    case codes.noDatabase:
    case codes.notAllowed:
      return tell('unavailable', `PostgreSQL at ${server} refuses us`, 'Look at the rights of its user.')
    case undefined:
    default:
      return isLost(error) ? tell('unavailable', `PostgreSQL at ${server} does not answer`, bringBack) : error
  }
}

/** The same while the first connection is made, where what is wrong is what was asked for. */
export function openFaultOf(error: unknown, server: string): unknown {
  const refuse = (what: string, next: string): SlipwayError =>
    new SlipwayError('invalid_request', `${what}: ${reasonOf(error)}.`, { next, cause: error })
  switch (codeOf(error)) {
    case codes.badAuthorization:
    case codes.badPassword:
      return refuse(`PostgreSQL at ${server} does not let us in`, 'Look at user and password of the database URL.')
    case codes.noDatabase:
      return refuse(`PostgreSQL at ${server} has no such database`, 'Make it with createdb, or name another one.')
    case codes.notAllowed:
      return refuse(`PostgreSQL at ${server} does not let us make tables`, 'Make its user the owner of the database.')
    case undefined:
    default:
      return faultOf(error, server)
  }
}

/** Whether a row with the same key is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === codes.unique
}

/** Whether the transaction was given up for the sake of another one, before its commit. */
export function isConflict(error: unknown): boolean {
  const code = isSlipwayError(error, 'overloaded') ? codeOf(error.cause) : codeOf(error)
  return code === codes.deadlock || code === codes.serialization
}

/** Whether the connection is gone, or may be: nothing that is asked of it will be answered. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error)
  // Without a code of the server nobody knows where the connection stands.
  if (code === undefined || !sqlState.test(code)) return true
  return code.startsWith('08') || code.startsWith('57P') || code === codes.tooMany || code === codes.idleInTransaction
}

/** The connection was lost while the answer to a commit was awaited: it may have come to pass, or not. */
export function unknownOutcome(error: unknown, server: string): SlipwayError {
  return new SlipwayError(
    'unavailable',
    `The connection to PostgreSQL at ${server} was lost during a commit, so nobody knows whether it was made: ${reasonOf(error)}.`,
    {
      next: 'Look whether the change is there before you ask for it again.',
      details: { outcome: 'unknown' },
      cause: error,
    },
  )
}

const sqlState = /^[0-9A-Z]{5}$/
const bringBack = 'Start it, or look at the network; what waits goes on by itself.'
const tryAgain = 'Try again in a few seconds; nothing was changed. If it stays so, look at the load of the database.'
const insideTransaction = 'Inside transaction(work) await nothing but the stores that work is given.'

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** What is refused at each of several addresses has its reason inside. */
function reasonOf(error: unknown): string {
  return error instanceof AggregateError && error.errors.length > 0 ? messageOf(error.errors[0]) : messageOf(error)
}
