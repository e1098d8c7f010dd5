import type { Command } from 'commander'
import type { Client, Instance, Plan } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { askedBy } from '../deploy-file.ts'
import { type ExitCode, exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { planLines } from '../plan-view.ts'
import { describe } from '../project/describe.ts'
import { type RequestFlags, requestOf, requestOptions } from '../request.ts'

type Flags = RequestFlags & { readonly exitCode?: boolean; readonly file?: string }

/** `slipway plan INSTANCE --image …`, or `slipway plan -f FILE` */
export const plan: CommandFile = {
  declare(command: Command) {
    requestOptions(
      command
        .argument('[instance]', 'its name, tenant/name or id; without it: what the project file says')
        .option('-f, --file <file>', 'the project file (default: slipway.yaml, here or in a folder above)'),
    ).option('--exit-code', 'end with 10 when there are changes')
    examples(
      command,
      'slipway plan',
      'slipway plan shop --image shop/web:2.4.0',
      'slipway plan shop --image web=npm:shop@2 --exit-code',
    )
  },
  async perform(cli: Cli, [name]: [string | undefined], flags: Flags) {
    if (name === undefined) return await planFile(cli, flags)
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const plan = await client.deployments.plan(of.id, await requestOf(cli, client, of, flags), { signal })
    return await tellPlan(cli, client, of, plan, flags)
  },
}

async function tellPlan(cli: Cli, client: Client, of: Instance, plan: Plan, flags: Flags): Promise<ExitCode> {
  const { signal } = cli
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
}

/** What `deploy -f` would do: the same acts, and the plan of the deploy among them. */
async function planFile(cli: Cli, flags: Flags): Promise<ExitCode> {
  const { client, file, instance, acts } = await askedBy(cli, flags.file, flags)
  const lines = acts.filter(act => act.kind !== 'deploy').flatMap(describe)
  const deploys = acts.find(act => act.kind === 'deploy')
  if (!instance || !deploys) {
    if (cli.json) cli.printJson({ acts: lines })
    else for (const line of [cli.style.bold(file.project.name), ...lines]) cli.print(line)
    return flags.exitCode ? exit.changes : exit.done
  }
  const plan = await client.deployments.plan(instance.id, deploys.request, { signal: cli.signal })
  if (cli.json) {
    cli.printJson({ ...plan, acts: lines })
    const changes = lines.length > 0 || plan.changes.length > 0 || (plan.steps?.length ?? 0) > 0
    return changes && flags.exitCode ? exit.changes : exit.done
  }
  for (const line of lines) cli.print(line)
  const code = await tellPlan(cli, client, instance, plan, flags)
  return lines.length > 0 && flags.exitCode ? exit.changes : code
}
