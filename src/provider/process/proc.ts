import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SlipwayError } from '../../errors.ts'
import { listedProcess, listedProcesses } from './ps.ts'
import { namesIn } from './record.ts'

/** Whether this system tells of its processes in /proc. Elsewhere `ps` is asked. */
export const hasProc = existsSync('/proc/self/stat')

/** What the system says of one process. */
export interface ProcessStat {
  readonly pid: number
  /** One letter; Z and X are dead. */
  readonly state: string
  readonly group: number
  readonly session: number
  /** In clock ticks since boot, where there is /proc: together with the pid and the boot it names a process for good. */
  readonly startTime: string
}

/** The process with this pid, or undefined when there is none. */
export function processStat(pid: number): ProcessStat | undefined {
  if (!hasProc) {
    const listed = listedProcess(pid)
    // Of sessions ps has no number everywhere; whoever leads a group of ours leads its session.
    return listed && { pid, state: listed.state, group: listed.group, session: listed.group, startTime: listed.started }
  }
  const text = readOf(pid, 'stat')
  if (text === undefined) return undefined
  // The name, in brackets, may contain anything; the fields after it are plain.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = 'X', , group, session] = fields
  return { pid, state, group: Number(group), session: Number(session), startTime: fields[19] ?? '' }
}

/** Whether it still runs (a zombie does not). */
export function isAlive(stat: ProcessStat | undefined): stat is ProcessStat {
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X'
}

/** The living members of a process group. */
export function groupMembers(group: number): ProcessStat[] {
  try {
    process.kill(-group, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return []
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
  const pids = hasProc ? readdirSync('/proc').filter(name => /^\d+$/.test(name)) : listedProcesses().keys()
  return [...pids]
    .map(pid => processStat(Number(pid)))
    .filter(stat => isAlive(stat))
    .filter(stat => stat.group === group)
}

/** Pids of what a process started and what still is its child. It may miss some that come or go meanwhile. */
export function childrenOf(pid: number): number[] {
  if (!hasProc) {
    const all = [...listedProcesses().values()]
    return all.filter(({ parent }) => parent === pid).map(child => child.pid)
  }
  return namesIn(`/proc/${pid}/task`).flatMap(thread => {
    const text = readText(`/proc/${pid}/task/${thread}/children`) ?? ''
    return text.split(' ').filter(Boolean).map(Number)
  })
}

/** Differs after every boot of the machine: pids and start times mean nothing across one. */
export function currentBoot(): string {
  if (!hasProc) return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

/** The environment a process was started with. Undefined when it is gone. Throws `unavailable` where the system does not tell. */
export function environmentOf(pid: number): Record<string, string> | undefined {
  if (!hasProc) {
    throw new SlipwayError('unavailable', 'This system does not tell the environment of a process.', {
      next: 'Use a health check of type http or tcp, or run it on Linux.',
    })
  }
  const text = readOf(pid, 'environ')
  if (text === undefined) return undefined
  const pairs = text.split('\0').filter(pair => pair.includes('='))
  return Object.fromEntries(pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/** What a process was called with; empty for a zombie. Undefined when it is gone. */
export function commandLineOf(pid: number): string | undefined {
  if (!hasProc) return listedProcess(pid)?.command
  return readOf(pid, 'cmdline')
}

function readOf(pid: number, file: 'stat' | 'environ' | 'cmdline'): string | undefined {
  return readText(`/proc/${pid}/${file}`)
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
