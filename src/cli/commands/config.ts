import { columns } from '../columns.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile } from '../contexts.ts'
import { exit } from '../exit.ts'
import { type Sourced, urlOf } from '../settings.ts'
import { shown } from '../shown.ts'

/** `slipway config` */
export const config: CommandFile = {
  declare(command) {
    command.option('--sources', 'where each value comes from')
    examples(command, 'slipway config --sources', 'slipway config --json')
  },
  async perform(cli, _args, { sources }: { sources?: boolean }) {
    const settings = await cli.settings()
    urlOf(settings.url)
    const values: Record<string, Sourced<string> | undefined> = {
      context: settings.context,
      url: settings.url,
      // That there is one, and from where; never what it is.
      token: settings.token && { value: '(set)', source: settings.token.source },
      tenant: settings.tenant,
      retries: fromEnv(cli.world.env['SLIPWAY_RETRIES'], 'SLIPWAY_RETRIES'),
      file: { value: contextsFile(cli.world), source: sourceOfFile(cli.world.env) },
    }
    const named = Object.entries(values).flatMap(([name, value]) => (value ? [[name, value] as const] : []))
    if (cli.json) {
      cli.printJson(Object.fromEntries(named))
      return exit.done
    }
    const heading = ['NAME', 'VALUE', ...(sources ? ['FROM'] : [])]
    const rows = named.map(([name, { value, source }]) => [name, shown(value), ...(sources ? [shown(source)] : [])])
    for (const line of columns(heading, rows)) cli.print(line)
    if (!settings.token) cli.tell('Not logged in there:  slipway login')
    return exit.done
  },
}

function fromEnv(value: string | undefined, source: string): Sourced<string> | undefined {
  return value === undefined || value === '' ? undefined : { value, source }
}

function sourceOfFile(env: Readonly<Record<string, string | undefined>>): string {
  if (env['SLIPWAY_CONFIG']) return 'SLIPWAY_CONFIG'
  return env['XDG_CONFIG_HOME'] ? 'XDG_CONFIG_HOME' : 'default'
}
