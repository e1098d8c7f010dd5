import { type Clock, type Timestamp, timestamp } from '../clock.ts'

/** What a replica answered, once or several times in a row. */
export interface Answer {
  /** When it last said so. */
  readonly at: Timestamp
  readonly ok: boolean
  readonly text: string
  /** How many times in a row. */
  readonly times: number
}

/** How many different answers are kept. */
const kept = 5

/** The last few answers of a replica. Equal ones in a row are one: fifty refused connections must not push out the one that says why. */
export function answerLog(clock: Clock): { add(ok: boolean, text: string): void; readonly last: readonly Answer[] } {
  const answers: { at: number; ok: boolean; text: string; times: number }[] = []
  return {
    add(ok, text) {
      const latest = answers.at(-1)
      if (latest?.ok === ok && latest.text === text) {
        latest.at = clock.now()
        latest.times++
        return
      }
      answers.push({ at: clock.now(), ok, text, times: 1 })
      if (answers.length > kept) answers.shift()
    },
    get last() {
      return answers.map(answer => ({ ...answer, at: timestamp(answer.at) }))
    },
  }
}
