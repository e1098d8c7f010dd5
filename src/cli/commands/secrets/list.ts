import { agoOf } from '../../ago.ts'
import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed } from '../../told.ts'

/** `slipway secrets list` */
export const list: CommandFile = {
  declare: command => examples(command, 'slipway secrets list'),
  async perform(cli) {
    const client = await cli.connect()
    const { items } = await client.secrets.list({ signal: cli.signal })
    const now = cli.world.now()
    return listed(
      cli,
      items,
      ['NAME', 'VERSION', 'KEPT', 'CHANGED'],
      ({ name, version, versions }) => [
        cell(name),
        String(version),
        String(versions.filter(({ revoked_at }) => revoked_at === undefined).length),
        agoOf(versions.find(one => one.version === version)?.created_at, now),
      ],
      'No secrets yet. Keep one:  slipway secrets set NAME',
    )
  },
}
