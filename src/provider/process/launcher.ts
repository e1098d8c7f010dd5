import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { isSlipwayError, messageOf, roomFault, SlipwayError } from '../../errors.ts'
import { type GroupName, thisBoot } from './group.ts'
import { processStat } from './proc.ts'
import { exitPlace } from './record.ts'

/**
 * The launcher leads the group and waits on descriptor 3 for the word; when that ends without it, we died before its record was on
 * disk, and it ends as well. Then it runs the command as its child, in its group, and writes the exit code to descriptor 4. A signal it
 * traps it survives, and its child has the default for (an ignored one would be inherited). It keeps no variable of its own, since those
 * would be the child's if the service declares the name; only what every shell has for itself (IFS, PWD, OLDPWD, SHLVL, OPTIND, PPID)
 * cannot be declared. It is silent: "Terminated" in a log would not be the service's word. A shell, because that starts in a millisecond and is everywhere.
 */
const script = `
trap : HUP INT QUIT TERM USR1 USR2
read -r _latch <&3 && [ "$_latch" = go ] || { printf 'never\\n' >&4; exit 0; }
unset _latch PWD OLDPWD SHLVL
exec 5>&2 2>/dev/null
(exec "$@" 2>&5 3<&- 4>&- 5>&-)
printf '%s\\n' "$?" >&4
`

/** What to launch. Files are opened by us and handed over, so the program writes to them whether we live or not. */
export interface Launch {
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly stdout: number
  readonly stderr: number
  /** Where the exit code is to be written. */
  readonly exitFile: string
}

/** A launcher that waits behind the latch. */
export interface Latched extends GroupName {
  readonly child: ChildProcess
  /** Lets it run the command; only once it is recorded. */
  go(): void
  /** Lets it end without having run anything. */
  drop(): void
}

/** Starts a launcher; returns when it has a pid. Throws `image_gone` when `cwd` is not there, `unavailable` when the system refuses. */
export async function launch({ command, cwd, env, stdout, stderr, exitFile }: Launch): Promise<Latched> {
  const exit = openSync(exitFile, 'w', 0o600)
  try {
    // At the start of the file, where the code will be: it has its room then, however full the disk is.
    writeSync(exit, exitPlace, 0)
    const child = spawn('/bin/sh', ['-c', script, 'slipway', ...command], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', stdout, stderr, 'pipe', exit],
    })
    const { pid } = child
    if (pid === undefined) throw await refusal(child, cwd)
    child.on('error', () => undefined) // only for signals sent through the handle, which we never do
    const startTime = processStat(pid)?.startTime
    if (startTime === undefined)
      throw new SlipwayError('unavailable', `Process ${pid} ended while it was being started.`)
    const latch = child.stdio[3] as Socket
    latch.on('error', () => undefined) // the launcher was killed behind the latch; its exit says so
    child.unref()
    return {
      child,
      pid,
      startTime,
      bootId: thisBoot(),
      go: () => latch.end('go\n', () => latch.destroy()),
      drop: () => latch.destroy(),
    }
  } catch (error) {
    const fault = roomFault(error, `"${command[0]}" could not be started`)
    throw isSlipwayError(fault)
      ? fault
      : new SlipwayError('unavailable', `"${command[0]}" could not be started: ${messageOf(error)}.`, { cause: error })
  } finally {
    closeSync(exit)
  }
}

async function refusal(child: ChildProcess, cwd: string): Promise<SlipwayError> {
  const error = await new Promise<NodeJS.ErrnoException>(resolve => child.once('error', resolve))
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return new SlipwayError('image_gone', `The copy of the image is not at ${cwd} any more.`, {
      next: 'Deploy the image again.',
      cause: error,
    })
  }
  return new SlipwayError('unavailable', `The system refuses to start a process: ${error.message}.`, {
    next: 'Look at the limits for processes and open files of the user Slipway runs as.',
    cause: error,
  })
}
