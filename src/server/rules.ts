import type { Action } from '../auth/auth.ts'

/** Who may use a route: everyone, whoever has a token, an operator, or whoever may do this. */
export type Rule = 'open' | 'any token' | 'operator' | Action

/** Every route of the API and who may use it. A route that is not here can't be made. */
export const rules = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'operator',
  'GET /v1/openapi.json': 'open',
  'GET /v1/problems/{code}': 'open',
  'GET /v1/whoami': 'any token',

  'GET /v1/instances': 'instance.read',
  'POST /v1/instances': 'instance.create',
  'GET /v1/instances/summary': 'instance.read',
  'GET /v1/instances/{id}': 'instance.read',
  'PATCH /v1/instances/{id}': 'instance.update',
  'DELETE /v1/instances/{id}': 'instance.delete',
  'GET /v1/instances/{id}/services': 'instance.read',
  'GET /v1/instances/{id}/replicas': 'instance.read',
  'GET /v1/instances/{id}/health': 'instance.read',
  'POST /v1/instances/{id}/scale': 'instance.operate',
  'POST /v1/instances/{id}/restart': 'instance.operate',
  'POST /v1/instances/{id}/stop': 'instance.operate',
  'POST /v1/instances/{id}/start': 'instance.operate',
  'POST /v1/instances/{id}/adopt': 'instance.operate',
  'GET /v1/instances/{id}/logs': 'instance.read',
  'GET /v1/instances/{id}/logs/stream': 'instance.read',

  'GET /v1/instances/{id}/releases': 'deploy.read',
  'GET /v1/releases/{id}': 'deploy.read',
  'GET /v1/releases/{id}/diff/{other}': 'deploy.read',

  // It writes nothing of an instance, but has the images that it names looked up and copied.
  'POST /v1/instances/{id}/plan': 'deploy.create',
  'POST /v1/instances/{id}/deployments': 'deploy.create',
  'POST /v1/instances/{id}/rollback': 'deploy.create',
  'GET /v1/deployments': 'deploy.read',
  'GET /v1/deployments/{id}': 'deploy.read',
  'GET /v1/deployments/{id}/steps': 'deploy.read',
  'GET /v1/deployments/{id}/timeline': 'deploy.read',
  'GET /v1/deployments/{id}/traffic': 'deploy.read',
  'POST /v1/deployments/{id}/promote': 'deploy.control',
  'POST /v1/deployments/{id}/pause': 'deploy.control',
  'POST /v1/deployments/{id}/resume': 'deploy.control',
  'POST /v1/deployments/{id}/cancel': 'deploy.control',
  'POST /v1/deployments/{id}/retry': 'deploy.create',
  'GET /v1/deployments/{id}/logs': 'deploy.read',
  'GET /v1/deployments/{id}/logs/stream': 'deploy.read',

  'GET /v1/events': 'event.read',
  'GET /v1/events/stream': 'event.read',

  'GET /v1/instances/{id}/tasks': 'task.read',
  'POST /v1/instances/{id}/tasks': 'task.create',
  'GET /v1/tasks/{id}': 'task.read',
  'POST /v1/tasks/{id}/cancel': 'task.create',
  'GET /v1/tasks/{id}/logs': 'task.read',
  'GET /v1/tasks/{id}/logs/stream': 'task.read',

  'GET /v1/audit': 'audit.read',
  'GET /v1/audit/export': 'audit.read',

  'GET /v1/secrets': 'secret.read',
  'POST /v1/secrets': 'secret.write',
  'GET /v1/secrets/{name}': 'secret.read',
  'DELETE /v1/secrets/{name}': 'secret.write',
  'POST /v1/secrets/{name}/rotate': 'secret.write',
  'POST /v1/secrets/{name}/versions/{version}/revoke': 'secret.write',

  'GET /v1/tokens': 'token.read',
  'POST /v1/tokens': 'token.write',
  'GET /v1/tokens/{id}': 'token.read',
  'DELETE /v1/tokens/{id}': 'token.write',
  'POST /v1/tokens/{id}/rotate': 'token.write',

  'GET /v1/webhooks': 'webhook.read',
  'POST /v1/webhooks': 'webhook.write',
  'GET /v1/webhooks/{id}': 'webhook.read',
  'PATCH /v1/webhooks/{id}': 'webhook.write',
  'DELETE /v1/webhooks/{id}': 'webhook.write',
  'POST /v1/webhooks/{id}/rotate': 'webhook.write',
  'POST /v1/webhooks/{id}/test': 'webhook.write',
  'POST /v1/webhooks/{id}/replay': 'webhook.write',
  'GET /v1/webhooks/{id}/deliveries': 'webhook.read',
  'GET /v1/webhooks/{id}/deliveries/{delivery}': 'webhook.read',
  'POST /v1/webhooks/{id}/deliveries/{delivery}/replay': 'webhook.write',
  'GET /v1/tenants': 'tenant.read',
  'POST /v1/tenants': 'tenant.write',
  'GET /v1/tenants/{id}': 'tenant.read',
  'PATCH /v1/tenants/{id}': 'tenant.write',
  'DELETE /v1/tenants/{id}': 'tenant.write',
  'GET /v1/tenants/{id}/quota': 'tenant.read',
  'PUT /v1/tenants/{id}/quota': 'tenant.write',
} as const satisfies Readonly<Record<`${Method} ${string}`, Rule>>

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A route, as `GET /v1/instances`. */
export type RouteKey = keyof typeof rules

/** Routes that an operator can use for every tenant at once, with `?tenant=*`. Tokens of `*` are those of operators. */
export const acrossTenants: ReadonlySet<RouteKey> = new Set<RouteKey>([
  'GET /v1/instances',
  'GET /v1/instances/summary',
  'GET /v1/deployments',
  'GET /v1/events',
  'GET /v1/events/stream',
  'GET /v1/audit',
  'GET /v1/audit/export',
  'GET /v1/tokens',
  'POST /v1/tokens',
  'GET /v1/tokens/{id}',
  'DELETE /v1/tokens/{id}',
  'POST /v1/tokens/{id}/rotate',
])

/** Whether a route is about tenants themselves: it names them in its path, and is for operators only. */
export function isAboutTenants(key: RouteKey): boolean {
  return rules[key].startsWith('tenant.')
}

/** The methods that there are for a path of a request; none when it is no path of ours. */
export function methodsOf(path: string): string[] {
  return Object.keys(rules).flatMap(key => {
    const [method = '', pattern = ''] = key.split(' ')
    const form = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)
    return form.test(path) ? [method] : []
  })
}
