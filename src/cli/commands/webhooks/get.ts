import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { factLines } from '../../told.ts'

/** `slipway webhooks get ID` */
export const get: CommandFile = {
  declare(command: Command) {
    command.argument('<id>', 'its id')
    examples(command, 'slipway webhooks get whk_…', 'slipway webhooks get whk_… --json | jq .types')
  },
  async perform(cli: Cli, [id]: [string]) {
    const client = await cli.connect()
    const of = await client.webhooks.get(id, { signal: cli.signal })
    if (cli.json) {
      cli.printJson(of)
      return exit.done
    }
    const { url, description, tenant_id, types, instances, disabled, secret_versions } = of
    const facts: [string, string][] = [
      ['url', url],
      ['description', description ?? '-'],
      ['tenant', tenant_id],
      ['types', types?.join(' ') ?? 'all'],
      ['instances', instances?.join(' ') ?? 'all'],
      ['state', disabled === undefined ? 'enabled' : `disabled: ${disabled.text}`],
      ...secret_versions.map(({ version, until }): [string, string] => [
        'secret',
        until === undefined ? `v${version}` : `v${version} until ${until}`,
      ]),
    ]
    for (const line of factLines(of.id, facts, cli.style)) cli.print(line)
    return exit.done
  },
}
