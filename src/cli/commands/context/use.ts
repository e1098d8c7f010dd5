import { type CommandFile, examples } from '../../command.ts'
import { readContexts, writeContexts } from '../../contexts.ts'
import { isReadableAt } from '../../plain-http.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'
import { contextNamed } from './named.ts'

/** `slipway context use` */
export const use: CommandFile = {
  declare(command) {
    command.argument('<context>')
    examples(command, 'slipway context use production')
  },
  async perform(cli, [name]: [string]) {
    const known = await readContexts(cli.world)
    const { url } = contextNamed(known, name)
    await writeContexts(cli.world, { ...known, current: name })
    const warning = isReadableAt(url) ? ['That is plain http: whoever is on the way there can read your token.'] : []
    return changed(cli, { name, url }, `Commands go to ${shown(url)} now.`, ...warning)
  },
}
