import type { Command } from 'commander'
import type { QuotaUse, SetQuota } from '../../../client/index.ts'
import { cell, columns } from '../../columns.ts'
import { limit, memory, memoryText } from '../../values.ts'

/** Limits as they are given: a number, or `none`; undefined for those that nobody spoke of. */
export interface LimitFlags {
  readonly instances?: number | 'none'
  readonly replicas?: number | 'none'
  readonly deployments?: number | 'none'
  readonly memory?: number | 'none'
}

/** Declares the options of a command that sets limits. */
export function limitOptions(command: Command): Command {
  return command
    .option('--instances <n>', 'how many instances it may have, stopped ones included, or none for no limit', limit)
    .option('--replicas <n>', 'how many replicas it may declare, or none', limit)
    .option('--deployments <n>', 'how many of its deployments may run or wait, or none', limit)
    .option('--memory <amount>', 'how much memory its replicas may declare: 8GiB, or none', memory)
}

/** Whether any limit was given. */
export function hasLimits({ instances, replicas, deployments, memory }: LimitFlags): boolean {
  return [instances, replicas, deployments, memory].some(given => given !== undefined)
}

/** The limits of before, with those that were given in their place. */
export function quotaOf(flags: LimitFlags, before: SetQuota = {}): SetQuota {
  const given = {
    instances: flags.instances,
    replicas: flags.replicas,
    deployments: flags.deployments,
    memory_bytes: flags.memory,
  }
  const all: Record<string, number | 'none' | undefined> = {
    ...before,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== 'none'))
}

/** Limits in a word or two: `instances=5 memory=8GiB`. */
export function limitsLine(quota: SetQuota): string {
  return rows
    .filter(({ key }) => quota[key] !== undefined)
    .map(({ key, name, text }) => `${name}=${text(quota[key] ?? 0)}`)
    .join(' ')
}

/** A table of what is used, and of how much. */
export function quotaLines({ limits, used }: QuotaUse): string[] {
  return columns(
    ['WHAT', 'USED', 'LIMIT'],
    rows.map(({ key, name, text }) => {
      const limit = limits[key]
      return [name, text(used[key]), cell(limit === undefined ? undefined : text(limit))]
    }),
  )
}

const rows = [
  { key: 'instances', name: 'instances', text: String },
  { key: 'replicas', name: 'replicas', text: String },
  { key: 'deployments', name: 'deployments', text: String },
  { key: 'memory_bytes', name: 'memory', text: memoryText },
] as const
