import { readdirSync, readFileSync } from 'node:fs'
import { namesIn } from './record.ts'

/** What Linux says of one process. */
export interface ProcessStat {
  readonly pid: number
  /** One letter; Z and X are dead. */
  readonly state: string
  readonly group: number
  readonly session: number
  /** In clock ticks since boot: together with the pid and the boot it names a process for good. */
  readonly startTime: string
}

/** The process with this pid, or undefined when there is none. */
export function processStat(pid: number): ProcessStat | undefined {
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
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => processStat(Number(name)))
    .filter(stat => isAlive(stat))
    .filter(stat => stat.group === group)
}

/** Pids of what a process started and what still is its child. It may miss some that come or go meanwhile. */
export function childrenOf(pid: number): number[] {
  return namesIn(`/proc/${pid}/task`).flatMap(thread => {
    const text = readText(`/proc/${pid}/task/${thread}/children`) ?? ''
    return text.split(' ').filter(Boolean).map(Number)
  })
}

/** Differs after every boot of the machine: pids and start times mean nothing across one. */
export function currentBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

/** The environment a process was started with. Undefined when it is gone. */
export function environmentOf(pid: number): Record<string, string> | undefined {
  const text = readOf(pid, 'environ')
  if (text === undefined) return undefined
  const pairs = text.split('\0').filter(pair => pair.includes('='))
  return Object.fromEntries(pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/** What a process was called with; empty for a zombie. Undefined when it is gone. */
export function commandLineOf(pid: number): string | undefined {
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
