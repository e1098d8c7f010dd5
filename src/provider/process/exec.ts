import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { SlipwayError } from '../../errors.ts'
import type { TaskResult } from '../provider.ts'
import { valuesAmong } from './environment.ts'
import { expand } from './expand.ts'
import { type GroupName, leaderLives } from './group.ts'
import { environmentOf } from './proc.ts'
import { unknownExit } from './record.ts'
import { taskOutputLines } from './task.ts'

/** Code of a probe that was ended because it took too long, as the command `timeout` has it. */
export const timedOut = 124

/** Runs the command beside a watchdog that kills the group once descriptor 3 closes: when we are done with it, or dead. */
const script = `
(exec >/dev/null 2>&1; read -r _end; kill -KILL 0) <&3 &
exec 3<&-
unset PWD OLDPWD SHLVL
(exec "$@")
exit $?
`

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
  const child = spawn('/bin/sh', ['-c', script, 'slipway', ...words], {
    cwd: group.cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const [, stdout, stderr, watchdog] = child.stdio as unknown as [null, Readable, Readable, Socket]
  watchdog.on('error', () => undefined) // the group is gone already
  let output = ''
  const hear = (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-outputBytes))
  stdout.on('data', hear)
  stderr.on('data', hear)
  const end = () => watchdog.destroy()
  let late = false
  const timer = setTimeout(() => {
    late = true
    end()
  }, timeoutMs)
  signal.addEventListener('abort', end, { once: true })
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', code => {
        end()
        // What it wrote arrives before its pipes close, which the watchdog sees to if somebody it left behind holds them.
        child.once('close', () => resolve(code ?? unknownExit))
      })
    })
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
