import { type AuditAction, audited, type NewAuditEntry } from '../audit/entry.ts'
import type { Claims } from '../auth/auth.ts'
import type { RunRequest } from '../deploy/run.ts'
import type { Instance } from './instance.ts'

/** What is done to an instance as a whole, without a release of its own. */
export type Operation = Extract<RunRequest, { kind: 'scale' | 'restart' | 'stop' | 'start' }>

/** What was so before, and what after. */
export interface Change {
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
}

/** What the audit log tells of a change of an instance. */
export function changedInstance(
  caller: Claims,
  action: AuditAction,
  { id, name }: Pick<Instance, 'id' | 'name'>,
  change: Change,
): NewAuditEntry {
  return audited(caller, { action, object: { kind: 'instance', id, name }, instanceId: id, ...change })
}

/** What an update can change of an instance. */
export function declaredOf({ name, hosts, expose, policies }: Instance): Record<string, unknown> {
  return { name, hosts, expose, policies }
}

/** What is told of an operation: the counts of a scale, the services of a restart. */
export function operated(request: Operation, { services, state }: Instance, deploymentId: string): Change {
  switch (request.kind) {
    case 'scale': {
      const counts = services.filter(({ name }) => request.replicas[name] !== undefined)
      return {
        before: { replicas: Object.fromEntries(counts.map(({ name, replicas }) => [name, replicas])) },
        after: { replicas: request.replicas, deploymentId },
      }
    }
    case 'restart':
      return { after: { services: request.services, deploymentId } }
    case 'stop':
    case 'start':
      return { before: { state }, after: { deploymentId } }
  }
}
