import { InvalidArgumentError } from 'commander'
import type { Client, Instance, LogBreak, LogLine, LogQuery } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { type ExitCode, exit } from '../exit.ts'
import { findDeployment, instanceMeant } from '../find.ts'
import { momentOf } from '../moment.ts'
import { Refusal } from '../refusal.ts'
import { shown } from '../shown.ts'
import { count } from '../values.ts'

interface Options {
  readonly follow?: boolean
  readonly service?: string
  readonly since?: string
  readonly deployment?: string
  readonly grep?: string
  readonly lines: number
}

/** So many lines the server gives at most. */
const mostLines = 5000

/** `slipway logs INSTANCE` */
export const logs: CommandFile = {
  declare(command) {
    command
      .argument('<instance>', 'its name, tenant/name or id')
      .option('-f, --follow', 'go on with what is written, until Ctrl-C')
      .option('--service <name>', 'of one service')
      .option('--since <time>', 'not before: 90s, 15m, 12h ago, or a time')
      .option('--deployment <id>', 'of the time of this deployment')
      .option('--grep <text>', 'only lines that have this text; --lines counts those')
      .option('-n, --lines <n>', 'the last so many', some, 200)
    examples(command, 'slipway logs shop -f', 'slipway logs shop --service api --since 10m --grep "db pool"')
  },
  async perform(cli, [name]: [string], options: Options) {
    const { grep, lines, service, since } = options
    const { client, of } = await instanceMeant(cli, name)
    const deployment =
      options.deployment === undefined ? undefined : await deploymentOf(cli, client, of, options.deployment)
    const query = {
      tail: lines,
      ...(grep === undefined ? {} : { grep }),
      ...(service === undefined ? {} : { service }),
      ...(since === undefined ? {} : { since: momentOf(since, cli.world.now(), '--since') }),
    }
    if (options.follow) return await follow(cli, followed(cli, client, of, deployment, query))
    const source = deployment === undefined ? client.instances : client.deployments
    const { items: found } = await source.logs(deployment ?? of.id, query, { signal: cli.signal })
    if (cli.json) cli.printJson(found)
    else if (found.length === 0)
      cli.tell(`No such lines of ${shown(of.name)}. Wait for some:  slipway logs ${of.name} -f`)
    else for (const line of found) cli.print(lineOf(line, cli))
    return exit.done
  },
}

async function deploymentOf(cli: Cli, client: Client, instance: Instance, text: string): Promise<string> {
  const { signal } = cli
  const id = await findDeployment(client, text, { signal })
  const { instance_id } = await client.deployments.get(id, { signal })
  if (instance_id === instance.id) return id
  throw new Refusal(
    exit.notFound,
    'not_found',
    `${id} is no deployment of ${instance.name}.`,
    `See those it has:  slipway releases ${instance.name}`,
  )
}

function followed(
  { signal }: Cli,
  client: Client,
  instance: Instance,
  deployment: string | undefined,
  query: LogQuery,
): AsyncIterable<LogLine | LogBreak> {
  return deployment === undefined
    ? client.instances.followLogs(instance.id, query, { signal })
    : client.deployments.followLogs(deployment, query, { signal })
}

/** Tells lines as they come, and where the connection broke between two of them. It ends by Ctrl-C, and leaves everything as it is. */
async function follow(cli: Cli, told: AsyncIterable<LogLine | LogBreak>): Promise<ExitCode> {
  try {
    for await (const line of told) {
      if ('type' in line) {
        if (cli.json) cli.printJson(line)
        else cli.tell(breakOf(line))
      } else if (cli.json) cli.printJson(line)
      else cli.print(lineOf(line, cli))
    }
    return exit.done
  } catch (error) {
    if (!cli.signal.aborted) throw error
    if (!cli.json) cli.tell('No longer followed; what runs goes on.')
    return exit.interrupted
  }
}

function breakOf({ since }: LogBreak): string {
  return since === undefined
    ? '(the connection broke, and is there again: lines of the time between may be missing)'
    : `(the connection broke after ${since}, and is there again: lines of the time between may be missing)`
}

function lineOf({ at, service, replica, text }: LogLine, { style }: Cli): string {
  return `${style.dim(at)} ${style.bold(`${shown(service)}/${shown(replica)}`)} ${shown(text)}`
}

function some(text: string): number {
  const lines = count(text)
  if (lines > 0 && lines <= mostLines) return lines
  throw new InvalidArgumentError(`It is at least 1 and at most ${mostLines}.`)
}
