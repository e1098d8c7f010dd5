import { nearest } from '../../nearest.ts'
import { codeOf, everyCode } from '../codes.ts'
import { columns } from '../columns.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'

/** `slipway explain CODE` */
export const explain: CommandFile = {
  declare(command) {
    command.argument('[code]', 'what stands in brackets under an error; without one, all of them are listed')
    examples(command, 'slipway explain instance_busy', 'slipway explain')
  },
  async perform(cli, [word]: [string | undefined]) {
    if (word === undefined) {
      const all = everyCode()
      if (cli.json) cli.printJson(all)
      else {
        for (const line of columns(
          ['CODE', 'MEANING'],
          all.map(({ code, meaning }) => [code, meaning]),
        )) {
          cli.print(line)
        }
      }
      return exit.done
    }
    const code = codeOf(word.toLowerCase())
    if (!code) {
      const near = nearest(
        word.toLowerCase(),
        everyCode().map(({ code }) => code),
      )
      throw new Refusal(
        exit.notFound,
        'not_found',
        `There is no code ${JSON.stringify(word)}.`,
        ...(near === undefined ? [] : [`Did you mean ${near}?`]),
        'See all of them:  slipway explain',
      )
    }
    if (cli.json) {
      cli.printJson(code)
      return exit.done
    }
    const { meaning, why, todo, status } = code
    cli.print(cli.style.bold(code.code) + (status === undefined ? '' : `  (HTTP ${status})`))
    cli.print()
    for (const [title, text] of [
      ['What', meaning],
      ['Why', why],
      ['Do', todo],
    ] as const) {
      for (const [at, line] of wrapped(text, Math.min(cli.world.stdout.columns, 100) - 6).entries()) {
        cli.print(`${(at === 0 ? title : '').padEnd(4)}  ${line}`)
      }
    }
    return exit.done
  },
}

/** Text in lines of so many characters; a word that is longer has a line of its own. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
