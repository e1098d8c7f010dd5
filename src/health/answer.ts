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

/** The last few answers of a replica. */
export interface AnswerLog {
  add(ok: boolean, text: string): void
  readonly last: readonly Answer[]
}

/** An empty {@link AnswerLog}. Equal answers in a row are one: fifty refused connections must not push out the one that says why. */
export function answerLog(clock: Clock): AnswerLog {
  return new LastAnswers(clock)
}

class LastAnswers implements AnswerLog {
  readonly #clock: Clock
  readonly #answers: { at: number; ok: boolean; text: string; times: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(ok: boolean, text: string): void {
    const latest = this.#answers.at(-1)
    if (latest?.ok === ok && latest.text === text) {
      latest.at = this.#clock.now()
      latest.times++
      return
    }
    this.#answers.push({ at: this.#clock.now(), ok, text, times: 1 })
    if (this.#answers.length > kept) this.#answers.shift()
  }

  get last(): readonly Answer[] {
    return this.#answers.map(answer => ({ ...answer, at: timestamp(answer.at) }))
  }
}
