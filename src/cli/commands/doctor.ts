import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Client, createClient } from '../../client/index.ts'
import { messageOf } from '../../errors.ts'
import { type Cli, jobToken } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { type Looked, lookMs } from '../doctor/check.ts'
import { checks } from '../doctor/checks.ts'
import { bad, type Finding } from '../doctor/finding.ts'
import { exit } from '../exit.ts'
import { isThisMachine } from '../plain-http.ts'
import { type Settings, urlOf } from '../settings.ts'
import { shown } from '../shown.ts'

interface Options {
  readonly data?: string
}

/** The data folder that `slipway up` makes when it is told no other one. */
const usualData = 'slipway-data'

/** `slipway doctor`: looks at what commands need, and a server on this machine, and says what to do about what is not right. */
export const doctor: CommandFile = {
  declare(command) {
    command.option(
      '--data <folder>',
      `the data folder of a server on this machine; default: ${usualData}, where it is there`,
    )
    examples(command, 'slipway doctor', 'slipway doctor --data /var/lib/slipway/data', 'slipway doctor --json')
  },
  async perform(cli, _args, options: Options) {
    const findings = await found(cli, options)
    if (cli.json) cli.printJson(findings)
    else for (const line of findings.flatMap(finding => linesOf(cli, finding))) cli.print(line)
    return findings.every(({ ok }) => ok) ? exit.done : exit.unexpected
  },
}

async function found(cli: Cli, { data }: Options): Promise<Finding[]> {
  const settings = await cli.settings()
  const url = urlOf(settings.url)
  const dataDir = dataOf(cli, data)
  const answer = await firstAnswer(url, cli.signal)
  const looked: Looked = {
    cli,
    settings,
    url,
    isHere: isThisMachine(url) || data !== undefined,
    ...(dataDir === undefined ? {} : { dataDir }),
    client: clientOf(cli, settings, url),
    ...('fault' in answer ? {} : { reached: answer }),
  }
  const findings: Finding[] = []
  let isTold = false
  for (const check of checks) {
    if (check.needs === 'this machine' && !looked.isHere) continue
    if (check.needs === 'server' && 'fault' in answer) {
      if (!isTold) findings.push(unreached(url, settings, answer.fault))
      isTold = true
      continue
    }
    findings.push(...(await check.look(looked)))
  }
  return findings
}

function dataOf({ world }: Cli, given: string | undefined): string | undefined {
  const folder = resolve(world.cwd, given ?? usualData)
  return given !== undefined || statSync(folder, { throwIfNoEntry: false }) !== undefined ? folder : undefined
}

function clientOf(cli: Cli, { token }: Settings, url: URL): Client {
  const credential = token?.value ?? jobToken(cli.world, url.href)
  return createClient({
    url: url.href,
    retries: 0,
    timeoutMs: lookMs,
    ...(credential === undefined ? {} : { token: credential }),
  })
}

async function firstAnswer(url: URL, signal: AbortSignal): Promise<{ date: string | null } | { fault: string }> {
  try {
    const answer = await fetch(`${url.href.replace(/\/+$/, '')}/healthz`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(lookMs)]),
    })
    await answer.arrayBuffer()
    return { date: answer.headers.get('date') }
  } catch (error) {
    signal.throwIfAborted()
    return { fault: messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error) }
  }
}

function unreached(url: URL, { url: { source } }: Settings, fault: string): Finding {
  const here = isThisMachine(url)
  return bad(
    'server',
    `${url.href.replace(/\/+$/, '')} (${source}) can't be reached: ${shown(fault)}`,
    here
      ? 'Nobody listens there, or a server that does not answer.'
      : 'It is down, its name is another one, or a firewall is in between.',
    'Start one here:  slipway up   or name another:  --url URL',
  )
}

const moods = { good: 'good', warning: 'waiting', bad: 'bad' } as const

function linesOf({ style }: Cli, { what, level, text, why, next }: Finding): string[] {
  const mood = moods[level]
  const below = [why, next].filter(line => line !== undefined)
  return [
    `${style.mood(mood, style.glyph(mood))} ${what.padEnd(9)} ${text}`,
    ...below.map(line => `  ${' '.repeat(9)} ${style.dim(line)}`),
  ]
}
