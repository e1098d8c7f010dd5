import { isSlipwayError } from '../../src/index.ts'
import { Interrupted } from './interruption.ts'

/** Something the scenario needs from elsewhere cannot be had right now. */
export class Unavailable extends Error {}

/** What ended the program, for those who look at it: a text, and the exit code. */
export function errorText(error: unknown): { readonly text: string; readonly exitCode: number } {
  // The clean-up failed as well: what it failed with comes after what it was for.
  if (error instanceof SuppressedError) {
    const first = errorText(error.suppressed)
    return { text: `${first.text}\nWhile cleaning up: ${errorText(error.error).text}`, exitCode: first.exitCode }
  }
  if (error instanceof Interrupted) return { text: error.message, exitCode: error.exitCode }
  if (error instanceof Unavailable) return { text: error.message, exitCode: 69 }
  if (isSlipwayError(error)) {
    return { text: `${error.code}: ${error.message}${error.next ? ` ${error.next}` : ''}\n${error.stack}`, exitCode: 1 }
  }
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 }
}
