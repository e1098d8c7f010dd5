import { type Command, Option } from 'commander'
import type { Accepted, Client, Instance, Release } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { differenceLines } from '../difference.ts'
import { findRelease, instanceMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { busyOf } from '../request.ts'
import { shown } from '../shown.ts'
import { startOptions, type WatchFlags, watched } from '../watching.ts'

interface RollbackFlags extends WatchFlags {
  readonly notes?: string
  readonly queue?: boolean
  readonly reject?: boolean
}

/** `slipway rollback INSTANCE [RELEASE]` */
export const rollback: CommandFile = {
  declare(command: Command) {
    startOptions(
      command
        .argument('<instance>', 'its name, tenant/name or id')
        .argument('[release]', 'v40, or its id (default: the one that was active before)')
        .option('--notes <text>', 'why')
        .addOption(
          new Option('--queue', 'when the instance is busy: wait (default: take its place)').conflicts('reject'),
        )
        .option('--reject', 'when the instance is busy: end with 6'),
    )
    examples(command, 'slipway rollback shop', 'slipway rollback shop v40 --notes "tax is rounded wrong"')
  },
  async perform(cli: Cli, [name, release]: [string, string | undefined], flags: RollbackFlags) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const busy = busyOf(flags)
    const request = {
      ...(release === undefined ? {} : { release_id: await findRelease(client, of, release, { signal }) }),
      ...(flags.notes === undefined ? {} : { notes: flags.notes }),
      ...(busy === undefined ? {} : { if_busy: busy }),
    }
    const accepted = await changing(
      () => client.deployments.rollback(of.id, request, { signal }),
      `Look:  slipway ps ${of.name}`,
    )
    // It is under way: what it changes is told of the releases it really goes between.
    if (!cli.json) await tellWhat(cli, client, accepted, of)
    return await watched(cli, client, accepted, flags)
  },
}

async function tellWhat(
  cli: Cli,
  client: Client,
  { id, release_id, from_release_id }: Accepted,
  { current_release_id }: Instance,
): Promise<void> {
  const { signal } = cli
  // One that has not begun yet does not say what it goes from.
  const active = from_release_id ?? current_release_id
  const [to, from] = await Promise.all([
    client.releases.get(release_id, { signal }),
    active === undefined ? undefined : client.releases.get(active, { signal }),
  ])
  const { arrow } = cli.storyStyle
  if (!from || from.id === to.id) return cli.tell(`${id}  back to v${to.version}`)
  cli.tell(`${id}  v${from.version} ${arrow} v${to.version}`)
  const { items } = await client.releases.diff(from.id, to.id, { signal })
  for (const line of differenceLines(items, cli.storyStyle)) cli.tell(line)
  for (const line of notUndone(from)) cli.tell(line)
}

/** What a rollback leaves as it is. */
function notUndone({ version, services }: Release): string[] {
  const commands = services.flatMap(({ name, before }) =>
    before === undefined ? [] : [`${name} ran ${shown((Array.isArray(before) ? before : before.command).join(' '))}`],
  )
  const volumes = services.flatMap(({ name, volumes }) => (volumes?.length ? [`the data of ${name}`] : []))
  const left = [...commands.map(ran => `v${version}: ${ran}`), ...volumes]
  return left.length === 0 ? [] : [`  not undone by a rollback: ${left.join('; ')}`]
}
