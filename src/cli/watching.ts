import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Client } from '../client/index.ts'
import type { Cli } from './cli.ts'
import { secondsOf } from './duration.ts'
import { type ExitCode, exit } from './exit.ts'
import { type FollowOptions, follow } from './watch/follow.ts'

/** What a command takes that follows what it started. */
export interface WatchFlags {
  readonly detach?: boolean
  /** Seconds. */
  readonly timeout?: number
  readonly until?: 'end' | 'pause'
  readonly cancelOnInterrupt?: boolean
  readonly progress?: 'auto' | 'tty' | 'plain' | 'json'
}

/** Declares how a deployment is watched. */
export function watchOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--timeout <time>', 'wait no longer than this: 90s, 10m; the deployment goes on').argParser(some),
    )
    .addOption(
      new Option('--until <what>', 'wait for its end, or for a pause as well').choices(['end', 'pause']).default('end'),
    )
    .option('--cancel-on-interrupt', 'Ctrl-C cancels the deployment instead of leaving it alone')
    .addOption(
      new Option('--progress <how>', 'how it is told').choices(['auto', 'tty', 'plain', 'json']).default('auto'),
    )
}

/** The same, for a command that starts one: it need not be watched. */
export function startOptions(command: Command): Command {
  return watchOptions(command.option('-d, --detach', 'do not watch it: print its id, and leave it to run'))
}

/** Watches what was started, as the flags say. */
export async function watched(
  cli: Cli,
  client: Client,
  accepted: { readonly id: string; readonly last_event_id: string },
  flags: WatchFlags,
): Promise<ExitCode> {
  if (!flags.detach) return await follow(client, accepted, cli.world, followOptions(cli, flags))
  if (cli.json) {
    cli.printJson(accepted)
    return exit.done
  }
  cli.print(accepted.id)
  cli.tell(`Watch it:  slipway watch ${accepted.id}`)
  return exit.done
}

/** What the flags say of following. */
export function followOptions({ json, options }: Cli, flags: WatchFlags): FollowOptions {
  const { timeout, until, cancelOnInterrupt, progress } = flags
  return {
    json,
    ...(options.ascii ? { ascii: true } : {}),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(until === undefined ? {} : { until }),
    ...(cancelOnInterrupt ? { cancelOnInterrupt } : {}),
    ...(progress === undefined ? {} : { progress }),
  }
}

function some(text: string): number {
  const seconds = secondsOf(text)
  if (seconds > 0 && seconds <= 7 * 86_400) return seconds
  throw new InvalidArgumentError('It is at least 1s and at most 7d.')
}
