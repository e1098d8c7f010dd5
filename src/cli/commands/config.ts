import { cell, columns } from '../columns.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile } from '../contexts.ts'
import { exit } from '../exit.ts'
import { findProject } from '../project/read.ts'
import type { Sourced } from '../settings.ts'

/** `slipway config`: what commands go by, and with --sources where each value came from. */
export const config: CommandFile = {
  declare(command) {
    command.option('--sources', 'where each value came from')
    examples(command, 'slipway config --sources')
  },
  async perform(cli, _args, { sources }: { readonly sources?: boolean }) {
    const { context, url, token, tenant } = await cli.settings()
    const project = await findProject(cli.world.cwd)
    const values: readonly (readonly [string, Sourced<string> | undefined])[] = [
      ['context', context],
      ['url', url],
      // Whether there is one is all that anybody needs to see.
      ['token', token && { value: '(set)', source: token.source }],
      ['tenant', tenant],
      [
        'contexts',
        { value: contextsFile(cli.world), source: cli.world.env['SLIPWAY_CONFIG'] ? 'SLIPWAY_CONFIG' : 'default' },
      ],
      ['project', project === undefined ? undefined : { value: project, source: 'found from the folder one is in' }],
    ]
    if (cli.json) {
      cli.printJson(Object.fromEntries(values.flatMap(([name, value]) => (value ? [[name, value]] : []))))
      return exit.done
    }
    const rows = values.map(([name, value]) => [
      name,
      cell(value?.value),
      ...(sources ? [value ? cell(value.source) : '-'] : []),
    ])
    for (const line of columns(['NAME', 'VALUE', ...(sources ? ['FROM'] : [])], rows)) cli.print(line)
    return exit.done
  },
}
