import { type ExitCode, exit } from '../../cli/exit.ts'
import { SlipwayApiError } from '../../client/index.ts'
import { isSlipwayError } from '../../errors.ts'
import { Interrupted } from './interruption.ts'

/** What ended the program, for those who look at it: a text, and the exit code. */
export function errorText(error: unknown): { readonly text: string; readonly exitCode: ExitCode } {
  // The clean-up failed as well: what it failed with comes after what it was for.
  if (error instanceof SuppressedError) {
    const first = errorText(error.suppressed)
    return { text: `${first.text}\nWhile cleaning up: ${errorText(error.error).text}`, exitCode: first.exitCode }
  }
  if (error instanceof Interrupted) return { text: error.message, exitCode: exit.interrupted }
  return { text: textOf(error), exitCode: exit.unexpected }
}

function textOf(error: unknown): string {
  if (error instanceof SlipwayApiError)
    return `${error.code}: ${error.detail} (${error.request_id ?? 'no request id'})\n${error.stack}`
  if (isSlipwayError(error))
    return `${error.code}: ${error.message}${error.next ? ` ${error.next}` : ''}\n${error.stack}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
