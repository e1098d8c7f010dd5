import { type CommandFile, examples } from '../../command.ts'
import { findToken } from '../../find-token.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway tokens revoke TOKEN` */
export const revoke: CommandFile = {
  declare(command) {
    command.argument('<token>', 'its id, the end of it, or its name')
    examples(command, 'slipway tokens revoke ci', 'slipway tokens revoke tok_01jd8xkz3mfy7t2v9q4b6n8r5w')
  },
  async perform(cli, [text]: [string]) {
    const client = await cli.connect()
    const { signal } = cli
    const token = await findToken(client, text, signal)
    const revoked = await changing(
      () => client.tokens.revoke(token.id, { signal, ifMatch: '*' }),
      'Look:  slipway tokens list',
    )
    return changed(cli, revoked, `${revoked.id} of ${shown(revoked.name)} is good for nothing from now on.`)
  },
}
