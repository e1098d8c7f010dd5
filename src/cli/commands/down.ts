import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'

/** `slipway down` */
export const down: CommandFile = {
  declare(command) {
    command.option('--data <folder>', 'where everything is kept', 'slipway-data')
    examples(command, 'slipway down --data /var/lib/slipway/data')
  },
  async perform(cli, _args, { data }: { readonly data: string }) {
    const { sqliteStore, stopProxy } = await import('../../index.ts')
    const dataDir = resolve(cli.world.cwd, data)
    const path = join(dataDir, 'slipway.db')
    // Whoever opens the data holds it: a server would start the proxy again at once.
    if (existsSync(path)) await (await sqliteStore({ path })).close()
    await stopProxy(dataDir)
    if (cli.json) cli.printJson({ data_dir: dataDir })
    else cli.tell(`No proxy serves ${dataDir} any more. Replicas run on: the next \`slipway up\` takes them up.`)
    return exit.done
  },
}
