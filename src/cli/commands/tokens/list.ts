import { agoOf } from '../../ago.ts'
import { cell, columns } from '../../columns.ts'
import type { CommandFile } from '../../command.ts'
import { exit } from '../../exit.ts'

/** `slipway tokens list` */
export const list: CommandFile = {
  declare() {},
  async perform(cli) {
    const client = await cli.connect()
    const tokens = await Array.fromAsync(client.tokens.list({ limit: 200 }))
    if (cli.json) {
      cli.printJson(tokens)
      return exit.done
    }
    if (tokens.length === 0) {
      cli.tell('No tokens yet. Make one:  slipway tokens create ci --scope deploy')
      return exit.done
    }
    const now = cli.world.now()
    const rows = tokens.map(token => [
      token.id,
      cell(token.name),
      token.scopes.join(','),
      token.last_used_at === undefined ? 'never' : agoOf(token.last_used_at, now),
      token.revoked_at === undefined ? cell(token.expires_at.slice(0, 10)) : 'revoked',
      cell(token.created_by),
    ])
    for (const line of columns(['ID', 'NAME', 'SCOPES', 'LAST USED', 'EXPIRES', 'BY'], rows)) cli.print(line)
    return exit.done
  },
}
