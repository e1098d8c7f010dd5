import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { deploymentMeant } from '../find.ts'
import { follow } from '../watch/follow.ts'
import { followOptions, type WatchFlags, watchOptions } from '../watching.ts'

/** `slipway watch [DEPLOYMENT]` */
export const watch: CommandFile = {
  declare(command: Command) {
    watchOptions(command.argument('[deployment]', 'its id or the end of it (default: the only one that runs)'))
    examples(command, 'slipway watch', 'slipway watch dep_01kaxv… --until=pause', 'slipway watch --json | jq .type')
  },
  async perform(cli: Cli, [text]: [string | undefined], flags: WatchFlags) {
    const { client, of } = await deploymentMeant(cli, text)
    // Read before it is followed: whoever presses Ctrl-C meanwhile has nothing to detach from.
    const now = await client.deployments.get(of, { signal: cli.signal })
    return await follow(client, now, cli.world, followOptions(cli, flags))
  },
}
