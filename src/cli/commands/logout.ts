import { type CommandFile, examples } from '../command.ts'
import { readContexts, writeContexts } from '../contexts.ts'
import { exit } from '../exit.ts'
import { shown } from '../shown.ts'
import { changed } from '../told.ts'
import { contextNamed } from './context/named.ts'

/** `slipway logout` */
export const logout: CommandFile = {
  declare(command) {
    command.argument('[context]', 'which one; else the one in use')
    examples(command, 'slipway logout')
  },
  async perform(cli, [given]: [string | undefined]) {
    const known = await readContexts(cli.world)
    // The one in use, as every command finds it: what the environment names goes before what the file does.
    const name = given ?? cli.options.context ?? (cli.world.env['SLIPWAY_CONTEXT'] || known.current)
    if (name === undefined) {
      if (cli.json) cli.printJson({})
      else cli.tell('You are not logged in anywhere.')
      return exit.done
    }
    const { url } = contextNamed(known, name)
    const contexts = Object.fromEntries(Object.entries(known.contexts).filter(([other]) => other !== name))
    const { current, ...rest } = known
    await writeContexts(cli.world, {
      ...rest,
      ...(current === name || current === undefined ? {} : { current }),
      contexts,
    })
    return changed(
      cli,
      { context: name, url },
      `Logged out of ${shown(url)}: the context ${shown(name)} is gone.`,
      'The token itself is good until it expires or is revoked:  slipway tokens revoke ID',
    )
  },
}
