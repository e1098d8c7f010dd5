import { agoOf } from '../../ago.ts'
import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed } from '../../told.ts'

/** `slipway tokens list` */
export const list: CommandFile = {
  declare: command => examples(command, 'slipway tokens list', 'slipway tokens list --json'),
  async perform(cli) {
    const client = await cli.connect()
    const tokens = await Array.fromAsync(client.tokens.list({ limit: 200 }, { signal: cli.signal }))
    const now = cli.world.now()
    return listed(
      cli,
      tokens,
      ['ID', 'NAME', 'SCOPES', 'LAST USED', 'EXPIRES', 'BY'],
      token => [
        token.id,
        cell(token.name),
        token.scopes.join(','),
        token.last_used_at === undefined ? 'never' : agoOf(token.last_used_at, now),
        token.revoked_at === undefined ? cell(token.expires_at.slice(0, 10)) : 'revoked',
        cell(token.created_by),
      ],
      'No tokens yet. Make one:  slipway tokens create ci --scope deploy',
    )
  },
}
