import { makeRoom, SlipwayError } from '../../errors.ts'

/** SQLite's result codes that are told apart here: https://sqlite.org/rescode.html */
const codes = { busy: 5, readonly: 8, ioError: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const
const extended = { primaryKey: 1555, unique: 2067, sharedMemorySize: 4874 } as const

/** What the disk or the file did to a statement, as an error a person can act on; any other error as it is. */
export function faultOf(error: unknown): unknown {
  if (error instanceof Error && isFull(codeOf(error))) {
    return new SlipwayError('disk_full', `The database file has no room to grow: ${error.message}.`, {
      next: makeRoom,
      cause: error,
    })
  }
  const next = remedy(codeOf(error))
  if (next === undefined || !(error instanceof Error)) return error
  return new SlipwayError('unavailable', `The database file can't be used: ${error.message}.`, { next, cause: error })
}

/** Whether a row with the same key is there already. */
export function isUniqueViolation(error: unknown): boolean {
  const code = codeOf(error)
  return code === extended.unique || code === extended.primaryKey
}

/** Whether another process holds the lock. */
export function isBusy(error: unknown): boolean {
  return primary(codeOf(error)) === codes.busy
}

/** Whether the disk had no room: for the file or its log, or for the index of the log, which says so in words of its own. */
function isFull(code: number | undefined): boolean {
  return primary(code) === codes.full || code === extended.sharedMemorySize
}

function remedy(code: number | undefined): string | undefined {
  switch (primary(code)) {
    case codes.readonly:
    case codes.cantOpen:
      return 'Let the user Slipway runs as write to the file and its folder.'
    case codes.ioError:
      return 'Look at the disk and the system log; nothing that was committed is lost.'
    case codes.corrupt:
    case codes.notADatabase:
      return 'Put a backup in its place, or point Slipway at another file.'
    case undefined:
    default:
      return undefined
  }
}

function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined
}

/** The low byte says what happened, the others where. */
function primary(code: number | undefined): number | undefined {
  return code === undefined ? undefined : code & 0xff
}
