import { SlipwayApiError } from '../../client/index.ts'
import { messageOf } from '../../errors.ts'
import { shown } from '../shown.ts'
import { bad, type Finding, good } from './finding.ts'

/** A look that can fail. */
interface Look {
  /** What there is to say when it goes well. */
  look(): Promise<string>
  readonly why: string
  readonly next: string
}

/** Looks, and says what came of it. Throws only when the command was interrupted. */
export async function looked(what: string, signal: AbortSignal, { look, why, next }: Look): Promise<Finding> {
  try {
    return good(what, await look())
  } catch (error) {
    signal.throwIfAborted()
    return bad(what, shown(error instanceof SlipwayApiError ? error.detail : messageOf(error)), why, next)
  }
}
