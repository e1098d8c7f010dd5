import type { CommandFile } from '../command.ts'
import { exit } from '../exit.ts'

/** `slipway __complete`: what the scripts of `slipway completion` ask at every press of Tab. */
export const complete: CommandFile = {
  declare(command) {
    command.argument('[words...]', 'after --: those so far, the last one unfinished')
  },
  async perform(cli, [words]: [string[]]) {
    try {
      // Loaded here, as the parser itself lists this command.
      const { candidatesFor } = await import('../completion/candidates.ts')
      for (const candidate of await candidatesFor(words, cli.world)) cli.print(candidate)
    } catch (error) {
      void error // because it would be written into the line that somebody types
    }
    return exit.done
  },
}
