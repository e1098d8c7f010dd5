import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { deploymentMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { startOptions, type WatchFlags, watched } from '../watching.ts'

/** `slipway promote [DEPLOYMENT]` */
export const promote: CommandFile = {
  declare(command: Command) {
    startOptions(
      command
        .argument('[deployment]', 'its id or the end of it (default: the only one that runs)')
        .option('--gate <name>', 'only when it waits at this pause, so that no other one is released'),
    )
    examples(command, 'slipway promote', 'slipway promote dep_01kaxv… --gate 25% --detach')
  },
  async perform(cli: Cli, [text]: [string | undefined], flags: WatchFlags & { readonly gate?: string }) {
    const { signal } = cli
    const { client, of } = await deploymentMeant(cli, text)
    const which = flags.gate === undefined ? {} : { gate: flags.gate }
    const accepted = await changing(
      () => client.deployments.promote(of, which, { signal }),
      `Look:  slipway watch ${of}`,
    )
    return await watched(cli, client, accepted, flags)
  },
}
