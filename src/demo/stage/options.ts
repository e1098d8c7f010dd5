import { parseArgs } from 'node:util'
import type { PlayOptions } from './play.ts'

/** Options from the command line. Ends the process with 2 when they are not understood. */
export function optionsOf(args: readonly string[]): PlayOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { once: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
    })
    return values
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nOptions: --once, --json\n`)
    process.exit(2)
  }
}
