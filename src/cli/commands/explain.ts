import { type ErrorCode, errorCodes } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { advice, ownCodes } from '../explanations.ts'
import { ownReasons, reasons } from '../reasons.ts'
import { Refusal } from '../refusal.ts'

/** A code in full. */
export interface Explanation {
  readonly code: string
  readonly meaning: string
  /** Why it happens. */
  readonly why: string
  readonly next: string
  /** The status a server answers it with; absent for codes of the command line. */
  readonly status?: number
}

/** `slipway explain`: everything is in the package, so it works without a server. */
export const explain: CommandFile = {
  declare(command) {
    command.argument('[code]', 'what stands in brackets after an error; without it: all of them')
    examples(command, 'slipway explain crash_loop')
  },
  async perform(cli, [code]: [string | undefined]) {
    const found = code === undefined ? all() : [explanationOf(code)]
    if (cli.json) cli.printJson(code === undefined ? found : found[0])
    else if (code === undefined) for (const { code, meaning } of found) cli.print(`${code.padEnd(24)} ${meaning}`)
    else {
      const [one] = found
      cli.print(`${cli.style.bold(one?.code ?? '')}${one?.status === undefined ? '' : `  (HTTP ${one.status})`}`)
      cli.print(`  ${one?.meaning}`)
      cli.print(`  Why:   ${one?.why}`)
      cli.print(`  Next:  ${one?.next}`)
    }
    return exit.done
  },
}

/** Every code there is, in full: those of the server, then those that only the command line has. */
export function all(): Explanation[] {
  return [...Object.keys(errorCodes), ...Object.keys(ownCodes)].map(explanationOf)
}

function explanationOf(code: string): Explanation {
  if (Object.hasOwn(errorCodes, code)) {
    const known = code as ErrorCode
    return { code, ...errorCodes[known], why: reasons[known], next: advice[known] }
  }
  const own = Object.hasOwn(ownCodes, code) ? ownCodes[code] : undefined
  if (own) return { code, meaning: own.meaning, why: ownReasons[code] ?? '', next: own.next }
  const close = nearest(code, [...Object.keys(errorCodes), ...Object.keys(ownCodes)])
  throw new Refusal(
    exit.notFound,
    'unknown_code',
    `There is no code ${JSON.stringify(code)}.`,
    ...(close === undefined ? [] : [`Did you mean ${close}?`]),
    'All of them:  slipway explain',
  )
}
