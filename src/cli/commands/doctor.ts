import { statSync } from 'node:fs'
import { createClient, SlipwayApiError, type Whoami } from '../../client/index.ts'
import { messageOf } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { contextsFile } from '../contexts.ts'
import { exit } from '../exit.ts'
import { type Settings, urlOf } from '../settings.ts'
import { shown } from '../shown.ts'
import { version } from '../version.ts'

/** What one look found. */
interface Finding {
  readonly what: string
  readonly ok: boolean
  readonly text: string
  /** What to do about it. */
  readonly next?: string
}

/** How far clocks may be apart, milliseconds, before tokens of jobs are refused. */
const skewMs = 5000
/** How long one look may take, milliseconds. */
const lookMs = 5000

/** `slipway doctor`: looks at what commands need, and says what to do about what is not right. */
export const doctor: CommandFile = {
  declare(command) {
    examples(command, 'slipway doctor', 'slipway doctor --json')
  },
  async perform(cli) {
    const settings = await cli.settings()
    const findings = [...machine(cli), ...(await server(cli, settings))]
    if (cli.json) cli.printJson(findings)
    else for (const line of findings.flatMap(finding => linesOf(cli, finding))) cli.print(line)
    return findings.every(({ ok }) => ok) ? exit.done : exit.unexpected
  },
}

function machine(cli: Cli): Finding[] {
  const file = contextsFile(cli.world)
  const mode = statSync(file, { throwIfNoEntry: false })?.mode
  const isOpen = mode !== undefined && (mode & 0o077) !== 0
  return [
    { what: 'command', ok: true, text: `slipway ${version()} on Node ${process.versions.node}` },
    {
      what: 'contexts',
      ok: !isOpen,
      text: mode === undefined ? `${file} is not there yet` : isOpen ? `others can read ${file}` : file,
      ...(isOpen ? { next: `chmod 600 ${file}` } : {}),
    },
  ]
}

async function server(cli: Cli, settings: Settings): Promise<Finding[]> {
  const url = urlOf(settings.url).href.replace(/\/+$/, '')
  const { signal } = cli
  const client = createClient({
    url,
    retries: 0,
    timeoutMs: lookMs,
    ...(settings.token ? { token: settings.token.value } : {}),
  })
  let date: string | null = null
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.any([signal, AbortSignal.timeout(lookMs)]) })
    date = answer.headers.get('date')
    await answer.arrayBuffer()
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return [
      {
        what: 'server',
        ok: false,
        text: `${url} (${settings.url.source}) can't be reached: ${shown(messageOf(cause))}`,
        next: 'Start one here:  slipway up   or name another:  --url URL',
      },
    ]
  }
  const found: Finding[] = [{ what: 'server', ok: true, text: `${url} answers (${settings.url.source})` }]
  found.push(
    await looked(
      'parts',
      'all answer',
      async () => void (await client.ready({ signal })),
      'Mend what is named; the log of the server may say more.',
      signal,
    ),
  )
  found.push(await versions(client, signal))
  if (date !== null) found.push(clocks(Date.parse(date) - cli.world.now()))
  if (!settings.token) {
    return [...found, { what: 'token', ok: false, text: 'there is none for this server', next: 'slipway login' }]
  }
  let me: Whoami | undefined
  found.push(
    await looked(
      'token',
      '',
      async () => {
        me = await client.whoami({ signal })
        return `${shown(me.subject)}, ${me.operator ? 'operator' : `tenant ${shown(me.tenant_id)}`} (${me.scopes.join(', ')})`
      },
      'slipway login',
      signal,
    ),
  )
  if (me?.token_id !== undefined) found.push(...(await expiry(cli, client, me)))
  return found
}

async function looked(
  what: string,
  fine: string,
  look: () => Promise<string | undefined | void>,
  next: string,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    return { what, ok: true, text: (await look()) ?? fine }
  } catch (error) {
    signal.throwIfAborted()
    return { what, ok: false, text: shown(error instanceof SlipwayApiError ? error.detail : messageOf(error)), next }
  }
}

type Client = ReturnType<typeof createClient>

/** The version of the API that this command speaks. */
const spoken = '1'

async function versions(client: Client, signal: AbortSignal): Promise<Finding> {
  const what = 'api'
  const look = async (): Promise<string> => {
    const { info } = (await client.openapi({ signal })) as { info?: { version?: string } }
    return info?.version ?? 'unknown'
  }
  const found = await looked(what, '', look, 'Is this a Slipway server?', signal)
  if (!found.ok) return found
  if (found.text === spoken) return { what, ok: true, text: `version ${spoken}, as this command speaks it` }
  const next = 'Use a command of the version that the server has.'
  return { what, ok: false, text: `the server speaks version ${shown(found.text)}, this command ${spoken}`, next }
}

function clocks(apartMs: number): Finding {
  // The header is cut to whole seconds.
  const ok = Math.abs(apartMs) <= skewMs + 1000
  const text = ok
    ? 'this clock and the server’s agree'
    : `the server’s clock is ${Math.round(apartMs / 1000)} s off from this one`
  return {
    what: 'clock',
    ok,
    text,
    ...(ok ? {} : { next: 'Set both by NTP: tokens of CI jobs are refused at more than 5 s.' }),
  }
}

/** How long before its end a token is worth a word, milliseconds: a week. */
const soonMs = 7 * 86_400_000

async function expiry(cli: Cli, client: Client, { token_id: id = '', tenant_id }: Whoami): Promise<Finding[]> {
  try {
    const { expires_at } = await client.tokens.get(id, { signal: cli.signal, tenant: tenant_id })
    const left = Date.parse(expires_at) - cli.world.now()
    const ok = left > soonMs
    const text = `good until ${expires_at.slice(0, 10)}`
    return [{ what: 'expiry', ok, text, ...(ok ? {} : { next: `slipway tokens rotate ${id}` }) }]
  } catch (error) {
    cli.signal.throwIfAborted()
    void error // because a token need not be allowed to look at tokens
    return []
  }
}

function linesOf({ style }: Cli, { what, ok, text, next }: Finding): string[] {
  const mood = ok ? 'good' : 'bad'
  return [
    `${style.mood(mood, style.glyph(mood))} ${what.padEnd(9)} ${text}`,
    ...(next === undefined ? [] : [`  ${' '.repeat(9)} ${style.dim(next)}`]),
  ]
}
