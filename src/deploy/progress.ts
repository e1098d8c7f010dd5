import type { InstanceStatus } from '../instance/status.ts'
import type { Deployment } from './deployment.ts'
import type { Sample } from './history.ts'
import type { FrozenPlan } from './run.ts'
import type { Revision } from './step.ts'
import { isNew } from './table.ts'

/** What traffic the new revision of a service is set to get, and what it got lately. Whole percent, and percent. */
export interface TrafficNow {
  readonly set: number
  /** Absent while the service gets no requests, or nobody has looked yet. */
  readonly actual?: number
}

/** Replicas of a service on one side of a deployment. */
export interface SideReplicas {
  readonly ready: number
  readonly want: number
}

/** Where a running deployment is. */
export interface DeploymentProgress {
  /** By service, for those with traffic on both sides or a new revision. */
  readonly traffic: Readonly<Record<string, TrafficNow>>
  readonly replicas: Readonly<Record<string, { readonly old: SideReplicas; readonly new: SideReplicas }>>
}

/** A sample older than this, milliseconds, or than twice its span says nothing of now. */
const freshMs = 5000

/** Where a deployment is, by its plan, what is wanted, what there is, and the last look at its traffic. */
export function progressNow(
  { services: changed }: Pick<Deployment, 'services'>,
  plan: FrozenPlan,
  status: Pick<InstanceStatus, 'table' | 'replicas'>,
  last: Sample | undefined,
  now: number,
): DeploymentProgress {
  const sample = last && now - Date.parse(last.at) <= Math.max(freshMs, 2 * last.spanMs) ? last : undefined
  const names = new Set([
    ...changed.map(({ name }) => name),
    ...plan.old.map(({ name }) => name),
    ...plan.next.map(({ name }) => name),
  ])
  const traffic: Record<string, TrafficNow> = {}
  const replicas: Record<string, { old: SideReplicas; new: SideReplicas }> = {}
  for (const name of names) {
    const before = plan.old.find(service => service.name === name)?.revision
    const after = plan.next.find(service => service.name === name)?.revision
    // What both sides share moves nothing.
    if (after !== undefined && after === before) continue
    const isFresh = (revision: Revision): boolean => isNew({ service: name, revision }, plan)
    replicas[name] = {
      old: sideOf(name, revision => !isFresh(revision), status),
      new: sideOf(name, isFresh, status),
    }
    const rows = status.table.filter(row => row.service === name)
    if (!rows.some(row => row.weight > 0)) continue
    const set = rows.filter(row => isFresh(row.revision)).reduce((sum, row) => sum + row.weight, 0)
    const shares = sample?.shares.filter(share => share.service === name) ?? []
    const got = shares.some(share => share.actual !== undefined)
    const actual = shares.filter(share => isFresh(share.revision)).reduce((sum, share) => sum + (share.actual ?? 0), 0)
    traffic[name] = { set, ...(got ? { actual } : {}) }
  }
  return { traffic, replicas }
}

function sideOf(
  service: string,
  isOfSide: (revision: Revision) => boolean,
  { table, replicas }: Pick<InstanceStatus, 'table' | 'replicas'>,
): SideReplicas {
  const own = replicas.filter(replica => replica.service === service && isOfSide(replica.revision))
  return {
    ready: own.filter(({ health }) => health === 'ready').length,
    want: table
      .filter(row => row.service === service && isOfSide(row.revision))
      .reduce((sum, row) => sum + row.replicas, 0),
  }
}
