import type { Command } from 'commander'
import type { SetQuota } from '../client/index.ts'
import { limit, memory } from './values.ts'

/** The limits that a command line names: a number, or `none`. */
export interface QuotaOptions {
  readonly instances?: number | 'none'
  readonly replicas?: number | 'none'
  readonly deployments?: number | 'none'
  readonly memory?: number | 'none'
}

/** Adds the options that name limits. */
export function declareQuota(command: Command): void {
  command
    .option('--instances <count>', 'how many instances it may have, or none for no limit', limit)
    .option('--replicas <count>', 'how many replicas it may declare, or none', limit)
    .option('--deployments <count>', 'how many deployments may run or wait at once, or none', limit)
    .option('--memory <size>', 'how much memory its replicas may declare: 8GiB, or none', memory)
}

/** Limits with those that are named changed; the others stay. */
export function quotaWith(before: SetQuota, { instances, replicas, deployments, memory }: QuotaOptions): SetQuota {
  const named = { instances, replicas, deployments, memory_bytes: memory }
  const after: Record<string, number | 'none' | undefined> = { ...before }
  for (const [name, value] of Object.entries(named)) {
    if (value !== undefined) after[name] = value
  }
  return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== 'none' && value !== undefined))
}

/** Whether any limit is named. */
export function namesQuota({ instances, replicas, deployments, memory }: QuotaOptions): boolean {
  return [instances, replicas, deployments, memory].some(value => value !== undefined)
}
