import type { Client } from '../client/index.ts'
import { exit } from './exit.ts'
import { githubToken, isGithubJob } from './github-oidc.ts'
import { type Interruption, interruptionOf } from './interrupt.ts'
import { Refusal } from './refusal.ts'
import { type SettingFlags, type Settings, settle, urlOf } from './settings.ts'
import { type Style, styleOf } from './style.ts'
import type { World } from './world.ts'

/** What every command takes. */
export interface GlobalOptions extends SettingFlags {
  readonly json?: boolean
  readonly ascii?: boolean
  readonly yes?: boolean
}

/** One command line under way: what a command performs with. */
export interface Cli {
  readonly world: World
  readonly options: GlobalOptions
  /** Whether stdout is read by a program: one JSON value, or one a line. */
  readonly json: boolean
  /** How to write on stdout. */
  readonly style: Style
  /** How to write on stderr. */
  readonly storyStyle: Style
  /** Data: a line of text on stdout. */
  print(line?: string): void
  /** Data for programs: one line of JSON on stdout. */
  printJson(value: unknown): void
  /** The story: a line for people on stderr. Left out with --json only where it is the data. */
  tell(line: string): void
  /** Aborted by the first Ctrl-C, with the `Refusal` to end with. It is listened for only once this is asked for. */
  readonly signal: AbortSignal
  settings(): Promise<Settings>
  /** How calls are made, as the environment has it. */
  calling(): { readonly retries?: number }
  /** The server that the settings name; `tenant` is for what was found to belong to one. Throws a `Refusal` without a token. */
  connect(tenant?: string): Promise<Client>
  /** Ends what it listens to. */
  dispose(): void
}

/** Puts a command line together. */
export function cliOf(world: World, options: GlobalOptions): Cli {
  let settled: Promise<Settings> | undefined
  let interruption: Interruption | undefined
  const settings = (): Promise<Settings> => (settled ??= settle(world, options))
  return {
    world,
    options,
    json: options.json === true,
    style: styleOf(world.stdout, world.env, options.ascii === true),
    storyStyle: styleOf(world.stderr, world.env, options.ascii === true),
    print: (line = '') => world.stdout.write(`${line}\n`),
    printJson: value => world.stdout.write(`${JSON.stringify(value)}\n`),
    tell: line => world.stderr.write(`${line}\n`),
    get signal() {
      interruption ??= interruptionOf(world)
      return interruption.signal
    },
    dispose: () => interruption?.dispose(),
    settings,
    calling: () => retriesOf(world.env),
    async connect(of) {
      const { url, token, tenant: named } = await settings()
      const tenant = of ?? named?.value
      const address = urlOf(url).href
      const credential = token?.value ?? jobToken(world, address)
      if (!credential) {
        throw new Refusal(
          exit.notAllowed,
          'not_logged_in',
          `You are not logged in to ${address} (${url.source}).`,
          'Log in:  slipway login',
          'In CI:   set SLIPWAY_URL and SLIPWAY_TOKEN',
        )
      }
      const [{ createClient }, { fetchByHttp }] = await Promise.all([
        import('../client/index.ts'),
        import('./fetch.ts'),
      ])
      return createClient({
        fetch: fetchByHttp,
        url: address,
        token: credential,
        ...(tenant === undefined ? {} : { tenant }),
        ...retriesOf(world.env),
      })
    },
  }
}

/** In a job of GitHub Actions, which needs no secret: who the job is, for the audience that the server expects. */
export function jobToken(world: World, address: string): (() => Promise<string>) | undefined {
  if (!isGithubJob(world.env)) return undefined
  return githubToken(world.env, world.env['SLIPWAY_OIDC_AUDIENCE'] || new URL(address).origin, world.now)
}

/** How often a call is repeated that may be: `SLIPWAY_RETRIES`, for those who would rather know at once. */
export function retriesOf(env: World['env']): { readonly retries?: number } {
  const text = env['SLIPWAY_RETRIES']
  if (text === undefined || text === '') return {}
  if (/^\d{1,3}$/.test(text)) return { retries: Number(text) }
  throw new Refusal(
    exit.usage,
    'bad_retries',
    `SLIPWAY_RETRIES is ${JSON.stringify(text)}, and not a number of repetitions.`,
  )
}
