import type { Claims, Origin } from '../auth/auth.ts'
import type { Timestamp } from '../clock.ts'
import type { ListOptions, Page } from '../deploy/store.ts'

/** What callers do that is written down. Named by the thing and what is done to it. */
export const auditActions = [
  'deployment.create',
  'deployment.rollback',
  'deployment.retry',
  'deployment.cancel',
  'deployment.promote',
  'deployment.pause',
  'deployment.resume',
  'release.record_initial',
  'instance.create',
  'instance.update',
  'instance.scale',
  'instance.restart',
  'instance.stop',
  'instance.start',
  'instance.delete',
  'instance.adopt',
  'task.create',
  'task.cancel',
  'secret.store',
  'secret.rotate',
  'secret.revoke',
  'secret.delete',
  'token.create',
  'token.rotate',
  'token.revoke',
  'webhook.create',
  'webhook.update',
  'webhook.delete',
  'webhook.rotate',
  'webhook.test',
  'webhook.replay',
  'tenant.create',
  'tenant.update',
  'tenant.delete',
  'tenant.set_quota',
] as const

export type AuditAction = (typeof auditActions)[number]

/** One change that a caller made: who, what, from where, before and after. */
export interface AuditEntry {
  readonly id: string
  readonly createdAt: Timestamp
  /** Whose thing was changed; `*` for what belongs to no tenant. */
  readonly tenantId: string
  /** The subject that did it. */
  readonly actor: string
  /** The token that proved who it was, when one did. */
  readonly tokenId?: string
  /** It was an operator, acting for the tenant. */
  readonly operator?: boolean
  /** Absent for calls inside the process that said nothing of it. */
  readonly origin?: Origin
  readonly action: AuditAction
  /** What was changed: its kind, its id, and the name it had for people. */
  readonly object: { readonly kind: string; readonly id: string; readonly name?: string }
  readonly instanceId?: string
  /** What of it was so before, as far as it was changed. Never a secret. */
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
}

/** An entry before it was written down. */
export type NewAuditEntry = Omit<AuditEntry, 'id' | 'createdAt'>

/** Which entries are listed. What is absent does not narrow. */
export interface AuditFilter {
  readonly actor?: string
  readonly actions?: readonly AuditAction[]
  /** The id of what was changed. */
  readonly objectId?: string
  readonly instanceId?: string
  /** Not before. */
  readonly since?: Timestamp
  /** Before. */
  readonly until?: Timestamp
}

export type AuditListOptions = ListOptions & AuditFilter

/** Keeps what callers did; nothing in it is ever changed. */
export interface AuditStore {
  /** Part of the transaction of the change it tells of. */
  append(entry: NewAuditEntry): Promise<void>
  /** Newest first; for `*` those of every tenant. */
  list(tenantId: string, options?: AuditListOptions): Promise<Page<AuditEntry>>
  /** Drops at most `limit` of those made before `before`, oldest first; says how many. */
  prune(before: Timestamp, limit: number): Promise<number>
}

/** What a caller changed, to be appended in the transaction of the change. */
export function audited(
  caller: Claims,
  change: Pick<NewAuditEntry, 'action' | 'object' | 'instanceId' | 'before' | 'after'>,
): NewAuditEntry {
  const { tenantId, subject, tokenId, operator, origin } = caller
  return {
    tenantId,
    actor: subject,
    ...(tokenId !== undefined ? { tokenId } : {}),
    ...(operator ? { operator } : {}),
    ...(origin ? { origin } : {}),
    ...change,
  }
}

/**
 * The fields of two states that differ, each as it was and as it is: what an entry tells of a change.
 *
 * @example
 * changesOf({ name: 'a', hosts: [] }, { name: 'b', hosts: [] }) // { before: { name: 'a' }, after: { name: 'b' } }
 */
export function changesOf(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): { before: Record<string, unknown>; after: Record<string, unknown> } {
  const names = Object.keys({ ...before, ...after }).filter(
    name => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )
  const only = (of: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(names.flatMap(name => (of[name] === undefined ? [] : [[name, of[name]] as const])))
  return { before: only(before), after: only(after) }
}
