import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { planLines } from '../plan-view.ts'
import { type RequestFlags, requestOf, requestOptions } from '../request.ts'

/** `slipway plan INSTANCE` */
export const plan: CommandFile = {
  declare(command: Command) {
    requestOptions(command.argument('<instance>', 'its name, tenant/name or id')).option(
      '--exit-code',
      'end with 10 when there are changes',
    )
    examples(
      command,
      'slipway plan shop --image shop/web:2.4.0',
      'slipway plan shop --image web=npm:shop@2 --exit-code',
    )
  },
  async perform(cli: Cli, [name]: [string], flags: RequestFlags & { readonly exitCode?: boolean }) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const plan = await client.deployments.plan(of.id, await requestOf(cli, client, of, flags), { signal })
    const changes = plan.changes.length > 0 || (plan.steps?.length ?? 0) > 0
    const code = changes && flags.exitCode ? exit.changes : exit.done
    if (cli.json) {
      cli.printJson(plan)
      return code
    }
    const from =
      plan.from_release_id === undefined ? undefined : await client.releases.get(plan.from_release_id, { signal })
    for (const line of planLines(of, plan, from?.version, cli.style)) cli.print(line)
    if (!changes) cli.tell(`Nothing would change: ${of.name} is like this already.`)
    return code
  },
}
