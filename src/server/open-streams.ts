import { SlipwayError } from '../errors.ts'

/** So many streams one caller may have open, unless the server is set up otherwise. */
export const mostStreams = 2000

/** Counts the streams that each caller has open. */
export interface OpenStreams {
  /** Takes one in until its signal is aborted. Throws `rate_limited`. */
  take(who: string, end: AbortSignal): void
}

/** Streams last, so a limit of requests a minute does not bound how many there are. */
export function openStreams(most: number = mostStreams): OpenStreams {
  const open = new Map<string, number>()
  return {
    take(who, end) {
      const count = open.get(who) ?? 0
      if (count >= most) {
        throw new SlipwayError('rate_limited', `This token has ${most} streams open.`, {
          next: 'Close one, or listen to several things by one stream.',
          details: { retry_after_seconds: 60 },
        })
      }
      open.set(who, count + 1)
      const giveBack = (): void => {
        const left = (open.get(who) ?? 1) - 1
        if (left === 0) open.delete(who)
        else open.set(who, left)
      }
      end.addEventListener('abort', giveBack, { once: true })
    },
  }
}
