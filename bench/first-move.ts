import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Figure, median, rounded } from './figure.ts'
import { cloneInstalled, endGroup } from './program.ts'

const reachSeconds = 20
/** Ten times the reach: what does not move by then is stuck. */
const stuckAfterMs = 200_000
const endsWithinMs = 60_000

/** When the demo told them, milliseconds after the start of npm. */
interface Moves {
  /** The first step of what puts the shop up. */
  readonly opening: number
  /** The first step of what replaces something that serves. */
  readonly rollout: number
}

/** How long it takes in a clean clone, once the dependencies are installed, from `npm start` to the first moving line of a rollout. */
export async function benchFirstMove(starts: number): Promise<Figure> {
  const moves: Moves[] = []
  while (moves.length < starts) moves.push(await startOnce())
  const seconds = (of: keyof Moves): number => median(moves.map(move => move[of])) / 1000
  const value = seconds('rollout')
  return {
    figure: 'first_move_seconds',
    value: rounded(value, 1),
    reach: `<= ${reachSeconds}`,
    ok: value <= reachSeconds,
    starts,
    highest: rounded(Math.max(...moves.map(({ rollout }) => rollout)) / 1000, 1),
    first_step_seconds: rounded(seconds('opening'), 1),
  }
}

async function startOnce(): Promise<Moves> {
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const clone = join(folder, 'clone')
  await cloneInstalled(clone)
  await mkdir(join(folder, 'tmp'))

  const npm = process.env['npm_execpath']
  const [command, before] = npm === undefined ? ['npm', []] : [process.execPath, [npm]]
  const began = performance.now()
  const child = spawn(command, [...before, 'start', '--', '--once'], {
    cwd: clone,
    // Nothing was compiled here before, and whatever it leaves goes with the folder.
    env: { ...process.env, TMPDIR: join(folder, 'tmp'), NODE_COMPILE_CACHE: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  cleanup.defer(() => endGroup(child, endsWithinMs))
  return await inTime(movesIn(child.stdout, text(child.stderr), began))
}

/** Reads what the demo tells where it is no terminal: `2/10  api 1 → 2 by rolling`, and under it `step 1/7: prepare api`. */
async function movesIn(output: Readable, errors: Promise<string>, began: number): Promise<Moves> {
  let act = 0
  let opening: number | undefined
  for await (const line of createInterface({ input: output })) {
    act = Number(/^ +(\d+)\/\d+ {2}/.exec(line)?.[1] ?? act)
    if (!/^ +step \d+\/\d+: /.test(line)) continue
    const at = performance.now() - began
    opening ??= at
    if (act > 1) return { opening, rollout: at }
  }
  throw new Error(`The demo ended before a rollout moved. ${await errors}`)
}

async function inTime(moves: Promise<Moves>): Promise<Moves> {
  const { promise: never, reject } = Promise.withResolvers<never>()
  const late = setTimeout(() => reject(new Error(`Nothing moved within ${stuckAfterMs / 1000} s.`)), stuckAfterMs)
  try {
    return await Promise.race([moves, never])
  } finally {
    clearTimeout(late)
  }
}
