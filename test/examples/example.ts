import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
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

/** Runs an example as its own program with `--once --json`, everything temporary below a folder of its own. `told`: each line as it comes. */
export async function runExample(
  t: TestContext,
  name: 'demo' | 'real.ts',
  told: (
    line: Line,
    running: { readonly folder: string; readonly signal: (name: NodeJS.Signals) => void },
  ) => void = () => undefined,
): Promise<Ended & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-example-'))
  const { XDG_RUNTIME_DIR: _, ...env } = process.env
  const words = name === 'demo' ? ['src/cli/main.ts', 'demo'] : [`examples/${name}`]
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const child = spawn(process.execPath, [join(root, words[0] ?? ''), ...words.slice(1), '--once', '--json'], {
    env: { ...env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
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
      told(parsed, { folder, signal: signal => child.kill(signal) })
    }
  })()
  const [story, [code]] = await Promise.all([text(child.stderr), once(child, 'exit'), reading])
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
