import { accessSync, constants } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { leash } from '../leash.ts'

/** The environment npm runs in, its configuration included. */
export type NpmEnvironment = Readonly<Record<string, string | undefined>>

/** npm ended with an error, and this is what it said. */
export class NpmFailure extends Error {
  /** `E404`, `EINTEGRITY`, `ECONNREFUSED`; what npm does not say is `UNKNOWN`. */
  readonly code: string

  constructor(code: string, summary: string) {
    super(summary)
    this.name = 'NpmFailure'
    this.code = code
  }
}

/** How npm is run. */
export interface NpmCall {
  readonly cwd: string
  readonly env: NpmEnvironment
  readonly signal: AbortSignal
  /** Told of each file that came from the registry. */
  readonly onFetch?: () => void
}

/** Said on every call: what decides about our files is not left to the configuration of a user or a machine. */
const always = [
  '--ignore-scripts',
  '--global=false',
  '--dry-run=false',
  '--lockfile-version=3',
  '--install-strategy=hoisted',
  '--omit=dev',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--no-progress',
  '--logs-max=0',
  '--loglevel=http',
  '--json',
]

/** A registry that hangs is noticed in half a minute, not in the five of npm; what is slow but moves is given its time. */
const patience = [
  '--fetch-timeout=30000',
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=500',
  '--fetch-retry-factor=2',
]

/**
 * Runs npm in a folder, on a leash: it ends with its signal and with this process. Registry, certificates and proxies are those of npm's
 * own configuration. Throws `NpmFailure`, or the signal's reason.
 */
export async function runNpm(args: readonly string[], { cwd, env, signal, onFetch }: NpmCall): Promise<void> {
  signal.throwIfAborted()
  const path = searchPath(env['PATH'])
  const npm = programOn(path, 'npm')
  if (npm === undefined) throw new NpmFailure('ENONPM', `no npm in ${path}`)
  const words = [npm, ...args, ...always, ...patience]
  // npm would leave compiled code of its own in the temporary folder.
  const { stdout, stderr, ended, end } = leash(words, {
    cwd,
    env: { ...withoutWorkspace(env), PATH: path, NODE_DISABLE_COMPILE_CACHE: '1' },
  })
  signal.addEventListener('abort', end, { once: true })
  try {
    const [said, told, exitCode] = await Promise.all([text(stdout), linesOf(stderr, onFetch), ended])
    signal.throwIfAborted()
    if (exitCode !== 0) throw failureOf(said, told.last)
    // To npm it is a warning, and the rest of that file is missing.
    if (told.torn) throw new NpmFailure(told.torn.code, told.torn.summary)
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** A Slipway that was started by `npm start --workspace=…` has that in its environment, and our folders have no workspaces. */
function withoutWorkspace(env: NpmEnvironment): NpmEnvironment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_config_workspaces?$/i.test(name)))
}

/** PATH with the folder of this Node first, so that npm is the one beside it if there is one, and runs on it. */
function searchPath(path = '/usr/local/bin:/usr/bin:/bin'): string {
  return [...new Set([dirname(process.execPath), ...path.split(delimiter).filter(folder => folder !== '')])].join(
    delimiter,
  )
}

function programOn(path: string, name: string): string | undefined {
  return path
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch (error) {
        void error // because it is looked for in the next folder
        return false
      }
    })
}

const linesKept = 20

/** What npm told on stderr: its last lines, and the first file that could not be unpacked. */
interface Told {
  readonly last: readonly string[]
  readonly torn: { readonly code: string; readonly summary: string } | undefined
}

async function linesOf(stderr: NodeJS.ReadableStream, onFetch: (() => void) | undefined): Promise<Told> {
  const last: string[] = []
  let torn: Told['torn']
  for await (const line of createInterface({ input: stderr })) {
    if (line.startsWith('npm http fetch GET 200')) onFetch?.()
    const [, summary, code] = /^npm warn tar TAR_ENTRY_ERROR ((E[A-Z]+)\b.*)/i.exec(line) ?? []
    if (code !== undefined && summary !== undefined) torn ??= { code, summary }
    last.push(line)
    if (last.length > linesKept) last.shift()
  }
  return { last, torn }
}

function failureOf(said: string, told: readonly string[]): NpmFailure {
  const { code, summary } = errorIn(said)
  const lastWord = told.findLast(line => line.startsWith('npm error'))?.slice('npm error '.length)
  return new NpmFailure(
    typeof code === 'string' ? code : 'UNKNOWN',
    (typeof summary === 'string' && summary !== '' ? summary : lastWord) ?? 'npm did not say why',
  )
}

function errorIn(said: string): Record<string, unknown> {
  try {
    const { error } = JSON.parse(said) as { error?: unknown }
    return typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {}
  } catch (error) {
    void error // because an npm that breaks off says no JSON; its last line on stderr is taken then
    return {}
  }
}
