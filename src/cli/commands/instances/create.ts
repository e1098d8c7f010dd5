import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { instanceOf } from '../../project/project.ts'
import { readProject } from '../../project/read.ts'
import { startOptions, type WatchFlags, watched } from '../../watching.ts'

/** `slipway instances create -f FILE` */
export const create: CommandFile = {
  declare(command: Command) {
    startOptions(
      command.option('-f, --file <file>', 'what to create (default: the slipway.yaml of this folder, or of one above)'),
    )
    examples(command, 'slipway instances create -f slipway.yaml', 'slipway instances create --detach --json')
  },
  async perform(cli: Cli, _: unknown[], flags: WatchFlags & { readonly file?: string }) {
    const { signal } = cli
    const { project } = await readProject(flags.file, cli.world)
    const client = await cli.connect(project.tenant)
    const created = await changing(
      () => client.instances.create(instanceOf(project), { signal }),
      'Look:  slipway instances list',
    )
    if (flags.detach && cli.json) {
      cli.printJson(created)
      return exit.done
    }
    const { instance, deployment, last_event_id } = created
    if (!cli.json) cli.tell(`${instance.name} is made: ${instance.id}.`)
    return await watched(cli, client, { id: deployment.id, last_event_id }, flags)
  },
}
