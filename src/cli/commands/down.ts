import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type CommandFile, examples } from '../command.ts'
import { shown } from '../shown.ts'
import { changed } from '../told.ts'

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
    const isThere = existsSync(dataDir)
    // Whoever opens the data holds it: a server would start the proxy again at once.
    if (existsSync(path)) await (await sqliteStore({ path })).close()
    await stopProxy(dataDir)
    return isThere
      ? changed(
          cli,
          { data_dir: dataDir },
          `No proxy serves ${shown(dataDir)} any more.`,
          'Replicas run on: the next `slipway up` takes them up.',
        )
      : changed(cli, { data_dir: dataDir }, `There is no data in ${shown(dataDir)}, and so no proxy serves it.`)
  },
}
