import { SlipwayError } from '../../errors.ts'
import type { TaskResult } from '../provider.ts'
import { valuesAmong } from './environment.ts'
import { expand } from './expand.ts'
import { type GroupName, leaderLives } from './group.ts'
import { leash } from './leash.ts'
import { environmentOf } from './proc.ts'
import { unknownExit } from './record.ts'
import { taskOutputLines } from './task.ts'

/** Code of a probe that was ended because it took too long, as the command `timeout` has it. */
export const timedOut = 124

const outputBytes = 16 * 1024

/** Runs a command in the environment and folder of a running replica, for at most `timeoutMs`. */
export async function execBeside(
  group: GroupName & { readonly cwd: string; readonly name: string },
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TaskResult> {
  signal.throwIfAborted()
  const env = leaderLives(group) ? environmentOf(group.pid) : undefined
  if (!env) throw new SlipwayError('unavailable', `The replica ${group.name} does not run.`)
  const values = valuesAmong(env)
  const words = command.map(word => expand(word, values))
  const { stdout, stderr, ended, end } = leash(words, { cwd: group.cwd, env })
  let output = ''
  const hear = (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-outputBytes))
  stdout.on('data', hear)
  stderr.on('data', hear)
  let late = false
  const timer = setTimeout(() => {
    late = true
    end()
  }, timeoutMs)
  signal.addEventListener('abort', end, { once: true })
  try {
    const exitCode = (await ended) ?? unknownExit
    signal.throwIfAborted()
    const lines = output.split('\n')
    if (lines.at(-1) === '') lines.pop()
    if (late) lines.push(`not done after ${timeoutMs} ms`)
    return { exitCode: late ? timedOut : exitCode, output: lines.slice(-taskOutputLines) }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    end()
  }
}
