import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { deploymentMeant } from '../find.ts'
import { follow } from '../watch/follow.ts'
import { isOver } from '../watch/story.ts'
import { followOptions, type WatchFlags, watchOptions } from '../watching.ts'

/** `slipway watch [DEPLOYMENT]` */
export const watch: CommandFile = {
  declare(command: Command) {
    watchOptions(command.argument('[deployment]', 'its id or the end of it (default: the one that runs)'))
    command.addHelpText(
      'after',
      '\nOf one that has ended it says how, and with --json all its events; it ends with the exit code of the deployment.',
    )
    examples(command, 'slipway watch', 'slipway watch dep_01kaxv… --until=pause', 'slipway watch --json | jq .type')
  },
  async perform(cli: Cli, [text]: [string | undefined], flags: WatchFlags) {
    const { client, of } = await deploymentMeant(cli, text, { looks: true })
    // Read before it is followed: whoever presses Ctrl-C meanwhile has nothing to detach from.
    const now = await client.deployments.get(of, { signal: cli.signal })
    // Of one that has ended all events are told, from the first; of another those that come.
    return await follow(client, isOver({ deployment: now }) ? now.id : now, cli.world, followOptions(cli, flags))
  },
}
