import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** A line of JSON that an example wrote: an event, or the summary. */
export interface Line {
  readonly seq: number
  readonly type: string
  readonly deployment_id?: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly summary?: Summary
}

export interface Summary {
  readonly requests: number
  readonly lost: number
  readonly deployments: readonly {
    readonly id: string
    readonly version: number
    readonly strategy: string
    readonly state: string
    readonly restored?: boolean
    readonly error_code?: string
    readonly ms: number
    readonly outage?: { readonly ms: number; readonly answered: number }
  }[]
  readonly rollback_ms: number
}

/** An example that ran to its end. */
export interface Ended {
  readonly code: number
  readonly lines: readonly Line[]
  /** What it told people, on stderr. */
  readonly story: string
}

/** An example under way. */
export interface Running {
  readonly folder: string
  signal(name: NodeJS.Signals): void
  /** Types into its terminal. */
  type(text: string): void
}

export interface Watching {
  /** Told each line as it comes. */
  readonly told?: (line: Line, running: Running) => void
  /** Where it is given, the story is told on a terminal of 120 columns and 40 rows: with all that was written there, again and again. */
  readonly shown?: (story: string, running: Running) => void
}

/** The folder of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs an example as its own program with `--json`, everything temporary below a folder of its own; it ends with the scenario, but on a terminal. */
export async function runExample(
  t: TestContext,
  name: 'demo' | 'real.ts',
  { told, shown }: Watching = {},
): Promise<Ended & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-example-'))
  const { XDG_RUNTIME_DIR: _, ...env } = process.env
  const words = name === 'demo' ? ['src/cli/main.ts', 'demo'] : [`examples/${name}`]
  const program = [process.execPath, join(root, words[0] ?? ''), ...words.slice(1), '--json']
  const [command = '', ...args] = shown
    ? ['python3', join(root, 'scripts/terminal.py'), '120', '40', 'pipe', ...program]
    : [...program, '--once']
  const child = spawn(command, args, { env: { ...env, TMPDIR: folder, TERM: 'xterm' }, stdio: 'pipe' })
  const running: Running = {
    folder,
    signal: signal => void child.kill(signal),
    type: text => void child.stdin.write(text),
  }
  let story = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    story += text
    shown?.(story, running)
  })
  t.after(async () => {
    for (const { pid } of processesOf(folder)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  const lines: Line[] = []
  const reading = (async () => {
    for await (const line of createInterface(child.stdout)) {
      const parsed = JSON.parse(line) as Line
      lines.push(parsed)
      told?.(parsed, running)
    }
  })()
  const [[code]] = await Promise.all([once(child, 'close'), reading])
  return { code: code as number, lines, story, folder }
}

/** Nothing of an example is left: no process that knows its folder, and nothing in it. */
export function assertNothingLeft(folder: string): void {
  assert.deepEqual(processesOf(folder), [], 'no process is left')
  assert.deepEqual(readdirSync(folder), [], 'nothing is left in its folder for temporary files')
}

/** Processes whose environment or command line names this folder. */
export function processesOf(folder: string): { readonly pid: number; readonly command: string }[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap(name => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const known = command.includes(folder) || readFileSync(`/proc/${name}/environ`, 'utf8').includes(folder)
        return known ? [{ pid: Number(name), command }] : []
      } catch (error) {
        void error // because it ended meanwhile, or is not ours to look at
        return []
      }
    })
}
