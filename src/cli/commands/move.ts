import { resolve } from 'node:path'
import { type CommandFile, examples } from '../command.ts'
import { databaseFlags, databaseUrl } from '../database-url.ts'
import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'

/** `slipway move` */
export const move: CommandFile = {
  declare(command) {
    command.option('--data <folder>', 'where everything is kept', 'slipway-data')
    databaseFlags(command, '--to', 'an empty database')
    examples(
      command,
      'slipway move --data /var/lib/slipway/data --to postgres://slipway@db.internal/slipway',
      'SLIPWAY_DATABASE_URL=postgres://… slipway move',
    )
  },
  async perform(cli, _args, options: { data: string; to?: string; databaseUrlStdin?: boolean }) {
    const url = await databaseUrl(cli, options.to, options.databaseUrlStdin)
    if (url === undefined) {
      throw new Refusal(
        exit.usage,
        'usage',
        'No database to move to is named.',
        'Name an empty one:  slipway move --to postgres://user@host/database',
      )
    }
    const { moveToPostgres } = await import('../../index.ts')
    const dataDir = resolve(cli.world.cwd, options.data)
    const { storeId, server, tables, before, kept } = await moveToPostgres({ dataDir, to: { url } })
    const rows = Object.values(tables).reduce((sum, some) => sum + some, 0)
    if (cli.json) {
      cli.printJson({ data_dir: dataDir, store_id: storeId, database: server, rows, tables, was_there: before, kept })
    } else {
      const what = `${rows} rows of ${Object.keys(tables).length} tables`
      cli.print(before ? `${what} are in ${server} already.` : `Moved ${what} to ${server}; they are the same there.`)
      cli.print(`  before  ${kept}`)
      cli.tell('Go on with the same folder:  SLIPWAY_DATABASE_URL=… slipway up')
    }
    return exit.done
  },
}
