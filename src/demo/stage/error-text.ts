import { SlipwayApiError } from '../../client/index.ts'
import { isSlipwayError } from '../../errors.ts'
import { Interrupted } from './interruption.ts'

/** The exit code when something the scenario needs from elsewhere cannot be had right now. */
const unavailable = 69

/** What ended the program, for those who look at it: a text, and the exit code. */
export function errorText(error: unknown): { readonly text: string; readonly exitCode: number } {
  // The clean-up failed as well: what it failed with comes after what it was for.
  if (error instanceof SuppressedError) {
    const first = errorText(error.suppressed)
    return { text: `${first.text}\nWhile cleaning up: ${errorText(error.error).text}`, exitCode: first.exitCode }
  }
  if (error instanceof Interrupted) return { text: error.message, exitCode: error.exitCode }
  if (error instanceof SlipwayApiError) {
    const away = error.code === 'image_unavailable' && error.detail.includes('registry does not answer')
    return {
      text: `${error.code}: ${error.detail} (${error.request_id ?? 'no request id'})\n${error.stack}`,
      exitCode: away ? unavailable : 1,
    }
  }
  if (isSlipwayError(error)) {
    const away = error.code === 'image_unavailable' && error.message.includes('registry does not answer')
    const text = `${error.code}: ${error.message}${error.next ? ` ${error.next}` : ''}\n${error.stack}`
    return { text, exitCode: away ? unavailable : 1 }
  }
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 }
}
