import { SlipwayError } from '../errors.ts'
import { type Action, actionScopes, type Claims } from './auth.ts'

/** What is done to the tenant as a whole: nothing for a caller who is for some instances only. */
const tenantWide: ReadonlySet<Action> = new Set<Action>([
  'instance.create',
  'secret.read',
  'secret.write',
  'token.read',
  'token.write',
  'audit.read',
  'webhook.read',
  'webhook.write',
  'tenant.read',
  'tenant.write',
])

/** What is about tenants themselves: nothing for a caller who is of one. */
const operatorOnly: ReadonlySet<Action> = new Set<Action>(['tenant.read', 'tenant.write'])

/**
 * Holds a caller to their scopes and to the instances they are for. An instance that is not theirs does not exist for them.
 *
 * @throws SlipwayError `forbidden`, or `not_found` for the instance
 */
export function authorize(claims: Claims, action: Action, resource: { instanceId?: string } = {}): void {
  const scope = actionScopes[action]
  if (!claims.scopes.includes(scope)) {
    throw new SlipwayError('forbidden', `"${claims.subject}" may not do ${action}: that takes the scope "${scope}".`, {
      next: `Its scopes are: ${claims.scopes.join(', ') || 'none'}.`,
    })
  }
  if (operatorOnly.has(action) && claims.operator !== true) {
    throw new SlipwayError('forbidden', `"${claims.subject}" may not do ${action}: that is for operators.`, {
      next: "Use an operator's token.",
    })
  }
  if (claims.instances === undefined) return
  if (resource.instanceId !== undefined && !sees(claims, resource.instanceId)) {
    throw new SlipwayError('not_found', `There is no instance ${JSON.stringify(resource.instanceId)}.`, {
      next: 'List the instances to see which there are.',
    })
  }
  if (tenantWide.has(action)) {
    throw new SlipwayError('forbidden', `"${claims.subject}" may not do ${action}: it is for some instances only.`, {
      next: 'Use a token that is for the whole tenant.',
    })
  }
}

/** Whether an instance is one of those that a caller is for. */
export function sees(claims: Claims, instanceId: string): boolean {
  return claims.instances?.includes(instanceId) ?? true
}
