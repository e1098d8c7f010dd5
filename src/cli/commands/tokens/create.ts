import { InvalidArgumentError, Option } from 'commander'
import { type CommandFile, examples } from '../../command.ts'
import { secondsOf } from '../../duration.ts'
import { findInstance } from '../../find.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { issued } from '../../told.ts'
import { all } from '../../values.ts'

interface Options {
  readonly scope: ('read' | 'deploy' | 'admin')[]
  readonly instance?: string[]
  readonly allowedIp?: string[]
  readonly expires?: number
}

/** `slipway tokens create NAME` */
export const create: CommandFile = {
  declare(command) {
    command
      .argument('<name>', 'whom it is for: the name that stands beside what is done with it')
      .addOption(
        new Option('--scope <scope>', 'read, deploy (and read) or admin (all); several times for several')
          .argParser(scope)
          .makeOptionMandatory(),
      )
      .option('--instance <instance>', 'only for this one; several times for several', all)
      .option('--allowed-ip <network>', 'only from this address or network; several times for several', all)
      .option('--expires <time>', 'how long it is good, in days: 30d', days)
    examples(
      command,
      'slipway tokens create ci --scope deploy --expires 30d',
      'slipway tokens create shop-ci --scope deploy --instance shop --allowed-ip 10.0.0.0/8',
      'slipway tokens create ci --scope deploy | gh secret set SLIPWAY_TOKEN',
    )
  },
  async perform(cli, [name]: [string], { scope, instance = [], allowedIp, expires }: Options) {
    const client = await cli.connect()
    const { signal } = cli
    const instances: string[] = []
    for (const one of instance) instances.push((await findInstance(client, one, { signal })).id)
    const token = await changing(
      () =>
        client.tokens.create(
          {
            name,
            scopes: scope,
            ...(instances.length > 0 ? { instances } : {}),
            ...(allowedIp ? { allowed_ips: allowedIp } : {}),
            ...(expires === undefined ? {} : { expires_in_days: expires }),
          },
          { signal },
        ),
      'Look, and revoke it if it is there, for its secret is lost:  slipway tokens list',
    )
    return issued(
      cli,
      token,
      `${token.id} is for ${shown(token.name)} until ${token.expires_at.slice(0, 10)}.`,
      'Its secret stands on stdout, and is shown this once. For a job of CI, keep it as the secret SLIPWAY_TOKEN there:',
      ...snippet((await cli.settings()).url.value),
    )
  },
}

function snippet(url: string): string[] {
  return [
    '',
    '  - run: npx slipway deploy INSTANCE --image IMAGE',
    '    env:',
    `      SLIPWAY_URL: ${JSON.stringify(url)}`,
    // oxlint-disable-next-line no-template-curly-in-string -- it is GitHub who fills it in
    '      SLIPWAY_TOKEN: ${{ secrets.SLIPWAY_TOKEN }}',
    '',
  ]
}

function scope(value: string, before: readonly string[] = []): string[] {
  if (value === 'read' || value === 'deploy' || value === 'admin') return [...before, value]
  throw new InvalidArgumentError('It is read, deploy or admin.')
}

function days(text: string): number {
  const days = secondsOf(text) / 86_400
  if (Number.isInteger(days)) return days
  throw new InvalidArgumentError('It is a number of days, such as 30d.')
}
