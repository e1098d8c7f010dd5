import type { Client } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { differenceLines } from '../difference.ts'
import { exit } from '../exit.ts'
import { findRelease, instanceMeant } from '../find.ts'
import { Refusal } from '../refusal.ts'

/** `slipway diff RELEASE RELEASE`, `slipway diff INSTANCE v17 v18` */
export const diff: CommandFile = {
  declare(command) {
    command
      .usage('[options] <release> <release>\n       slipway diff [options] <instance> <release> <release>')
      .argument('<words...>', 'two ids of releases, or an instance and two versions')
    command.addHelpText(
      'after',
      '\nEnds with 10 when they differ, with 0 when they are the same. Values of secrets are never told.',
    )
    examples(command, 'slipway diff shop v17 v18', 'slipway diff shop v17 v18 --json')
  },
  async perform(cli, [words]: [string[]]) {
    const { signal } = cli
    const { client, from, to } = await meant(cli, words)
    const { items } = await client.releases.diff(from, to, { signal })
    if (cli.json) cli.printJson(items)
    else {
      const [a, b] = await Promise.all([from, to].map(id => client.releases.get(id, { signal })))
      const versions = [a, b].map(release => `v${release?.version}`)
      if (items.length === 0) cli.tell(`${versions.join(' and ')} are the same.`)
      else {
        cli.print(cli.style.bold(versions.join(` ${cli.style.arrow} `)))
        for (const line of differenceLines(items, cli.style)) cli.print(line)
      }
    }
    return items.length === 0 ? exit.done : exit.changes
  },
}

interface Compared {
  readonly client: Client
  readonly from: string
  readonly to: string
}

async function meant(cli: Cli, words: readonly string[]): Promise<Compared> {
  const [first = '', second = '', third] = words
  if (words.length === 2 && first.startsWith('rel_') && second.startsWith('rel_')) {
    return { client: await cli.connect(), from: first, to: second }
  }
  if (words.length !== 3 || third === undefined) {
    throw new Refusal(
      exit.usage,
      'usage',
      'Two releases are compared: by their ids, or by their versions with the instance before them.',
      'Say it like this:  slipway diff shop v17 v18',
    )
  }
  const { client, of } = await instanceMeant(cli, first)
  const options = { signal: cli.signal }
  const [from, to] = await Promise.all([second, third].map(text => findRelease(client, of, text, options)))
  return { client, from: from ?? '', to: to ?? '' }
}
