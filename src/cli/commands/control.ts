import type { Command } from 'commander'
import type { Accepted, AskOptions, Client } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { deploymentMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { changed } from '../told.ts'
import { startOptions, type WatchFlags, watched } from '../watching.ts'

/** `slipway pause [DEPLOYMENT]` */
export const pause: CommandFile = {
  declare(command) {
    command.argument('[deployment]', which)
    examples(command, 'slipway pause', 'slipway pause dep_01kaxv…')
  },
  perform: (cli, [text]: [string | undefined]) =>
    told(
      cli,
      text,
      (client, id, options) => client.deployments.pause(id, options),
      ({ id, state }) => [
        state === 'pending' ? `${id} starts paused.` : `${id} pauses after its current step.`,
        `Go on:  slipway resume ${id}`,
      ],
    ),
}

/** `slipway resume [DEPLOYMENT]` */
export const resume: CommandFile = {
  declare(command) {
    command.argument('[deployment]', which)
    examples(command, 'slipway resume', 'slipway resume dep_01kaxv…')
  },
  perform: (cli, [text]: [string | undefined]) =>
    told(
      cli,
      text,
      (client, id, options) => client.deployments.resume(id, options),
      ({ id }) => [`${id} goes on.`, `Watch it:  slipway watch ${id}`],
    ),
}

/** `slipway cancel [DEPLOYMENT]` */
export const cancel: CommandFile = {
  declare(command: Command) {
    startOptions(command.argument('[deployment]', which))
    examples(command, 'slipway cancel', 'slipway cancel dep_01kaxv… --detach')
    command.addHelpText(
      'after',
      '\nWhat served before is brought back. Watched to its end it ends with 0 once it is cancelled.',
    )
  },
  async perform(cli: Cli, [text]: [string | undefined], flags: WatchFlags) {
    const { signal } = cli
    const { client, of } = await deploymentMeant(cli, text)
    const accepted = await changing(() => client.deployments.cancel(of, { signal }), `Look:  slipway watch ${of}`)
    const code = await watched(cli, client, accepted, flags)
    // Cancelled is what was asked for here.
    return code === exit.cancelled ? exit.done : code
  },
}

/** `slipway retry DEPLOYMENT` */
export const retry: CommandFile = {
  declare(command: Command) {
    startOptions(command.argument('<deployment>', 'the one that failed or was cancelled: its id or the end of it'))
    examples(command, 'slipway retry dep_01kaxv…')
  },
  async perform(cli: Cli, [text]: [string], flags: WatchFlags) {
    const { signal } = cli
    const { client, of } = await deploymentMeant(cli, text)
    const accepted = await changing(() => client.deployments.retry(of, { signal }), 'Look:  slipway ps')
    if (!cli.json) cli.tell(`${accepted.id} does again what ${of} was asked for.`)
    return await watched(cli, client, accepted, flags)
  },
}

const which = 'its id or the end of it (default: the only one that runs)'

/** Asks something of a deployment, and says what became of it. */
async function told(
  cli: Cli,
  text: string | undefined,
  ask: (client: Client, id: string, options: AskOptions) => Promise<Accepted>,
  said: (accepted: Accepted) => readonly [sentence: string, next: string],
): Promise<number> {
  const { signal } = cli
  const { client, of } = await deploymentMeant(cli, text)
  const accepted = await changing(() => ask(client, of, { signal }), `Look:  slipway watch ${of}`)
  return changed(cli, accepted, ...said(accepted))
}
