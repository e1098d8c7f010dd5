import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** Runs the command beside a watchdog that kills the group once descriptor 3 closes: when we are done with it, or dead. */
const script = `
(exec >/dev/null 2>&1; read -r _end; kill -KILL 0) <&3 &
exec 3<&-
unset PWD OLDPWD SHLVL
(exec "$@")
exit $?
`

/** A command that lives no longer than we do, nor does anything it started. */
export interface Leashed {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Its exit code, once all of its group is gone; undefined when a signal ended it. Rejects when it could not be started. */
  readonly ended: Promise<number | undefined>
  /** Kills the whole group, now. */
  end(): void
}

/** Starts a command in a process group of its own, on the leash. */
export function leash(
  command: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): Leashed {
  const child = spawn('/bin/sh', ['-c', script, 'slipway', ...command], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const [, stdout, stderr, watchdog] = child.stdio as unknown as [null, Readable, Readable, Socket]
  watchdog.on('error', () => undefined) // the group is gone already
  const end = () => void watchdog.destroy()
  return { stdout, stderr, ended: endOf(child, end), end }
}

async function endOf(child: ChildProcess, end: () => void): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => {
      end()
      // What it wrote arrives before its pipes close, which the watchdog sees to if somebody it left behind holds them.
      child.once('close', () => resolve(code ?? undefined))
    })
  })
}
