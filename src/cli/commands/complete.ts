import type { CommandFile } from '../command.ts'
import { commands } from '../commands.ts'
import { placeOf } from '../completion/place.ts'
import { thingsOf } from '../completion/things.ts'
import { exit } from '../exit.ts'
import { globals } from '../globals.ts'
import { shown } from '../shown.ts'

/** `slipway __complete -- WORDS…`: what could stand in place of the last of them, a line each, what it is after a tab. */
export const complete: CommandFile = {
  declare: command => command.argument('[words...]', 'the words so far, the last of which is being typed'),
  async perform(cli, [words]: [string[]]) {
    const current = words.at(-1) ?? ''
    const place = await placeOf(commands, words.slice(0, -1), current, globals())
    const candidates = place.kind === 'words' ? place.words : await thingsOf(cli, place.of)
    for (const { text, about } of candidates) {
      // A line or a blank would be two words to a shell: such a thing is typed by its id.
      if (text.startsWith(current) && /^\S+$/.test(text)) cli.print(`${shown(text)}\t${shown(about)}`)
    }
    return exit.done
  },
}
