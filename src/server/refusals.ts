import { type ErrorCode, errorCodes } from '../errors.ts'
import { type RouteKey, rules } from './rules.ts'

/** Codes of a route that do not follow from its form. */
const own: Partial<Record<RouteKey, readonly ErrorCode[]>> = {
  'POST /v1/instances/{id}/scale': ['empty_services', 'unknown_service'],
  'POST /v1/instances/{id}/restart': ['empty_services', 'unknown_service'],
  'POST /v1/instances/{id}/tasks': ['unknown_service', 'instance_busy', 'instance_state', 'needs_attention'],
  'POST /v1/tasks/{id}/cancel': ['already_ended'],
  'POST /v1/webhooks/{id}/test': ['webhook_disabled'],
  'POST /v1/webhooks/{id}/replay': ['webhook_disabled', 'events_gone'],
  'POST /v1/webhooks/{id}/deliveries/{delivery}/replay': ['webhook_disabled'],
  'POST /v1/tenants': ['already_exists'],
  'PATCH /v1/tenants/{id}': ['tenant_suspended'],
  'PUT /v1/tenants/{id}/quota': ['tenant_suspended'],
  'DELETE /v1/tenants/{id}': ['tenant_suspended', 'tenant_not_empty'],
  'POST /v1/instances/{id}/rollback': ['never_active', 'unrestorable', 'image_unavailable'],
  'POST /v1/instances/{id}/deployments': ['stale_release'],
  'POST /v1/instances/{id}/plan': ['stale_release'],
  'POST /v1/deployments/{id}/promote': ['not_paused', 'undoing'],
  'POST /v1/deployments/{id}/resume': ['not_paused', 'undoing'],
  'POST /v1/deployments/{id}/pause': ['undoing'],
  'POST /v1/deployments/{id}/retry': ['not_retryable', 'stale_release'],
  'DELETE /v1/instances/{id}': ['not_confirmed'],
  'GET /metrics': ['not_found'],
  'POST /v1/secrets': ['already_exists'],
  'POST /v1/webhooks': ['quota_exceeded', 'secret_already_shown'],
  'POST /v1/webhooks/{id}/rotate': ['secret_already_shown'],
  'POST /v1/tokens': ['secret_already_shown'],
  'POST /v1/tokens/{id}/rotate': ['secret_already_shown', 'token_revoked'],
}

/** What a service in a body can be refused for. */
const ofServices: readonly ErrorCode[] = [
  'bad_health_check',
  'bad_options',
  'dependency_cycle',
  'duplicate_service',
  'empty_image',
  'empty_services',
  'image_unavailable',
  'missing_capability',
  'unknown_port',
  'unknown_provider',
  'unknown_reference',
  'unknown_secret',
  'unknown_service',
  'unknown_strategy',
]

/** What any change of an instance can be refused for. */
const ofChanges: readonly ErrorCode[] = ['instance_busy', 'instance_state', 'needs_attention', 'ports_exhausted']

/** What a tenant can have too much of, and be kept from. */
const ofTenants: readonly ErrorCode[] = ['quota_exceeded', 'tenant_suspended']

/** The server may be short of something at any time, and closes some time. */
const any: readonly ErrorCode[] = ['closed', 'disk_full', 'internal', 'lease_lost', 'overloaded', 'unavailable']

/** The codes a route can be refused with, by what it is and what its rule asks. */
export function refusalsOf(key: RouteKey): ErrorCode[] {
  const rule = rules[key]
  if (rule === 'open') return key.includes('{') ? ['not_found', 'invalid_request'] : ['unavailable']
  const [method = '', path = ''] = key.split(' ')
  const found = new Set<ErrorCode>([
    'forbidden',
    'invalid_request',
    'rate_limited',
    'unauthenticated',
    ...any,
    ...(own[key] ?? []),
  ])
  const add = (...codes: readonly ErrorCode[]): void => codes.forEach(code => found.add(code))
  if (path.includes('{') || path.includes('/events') || method !== 'GET') add('not_found')
  if (method !== 'GET') add('body_too_large', 'unsupported_media_type')
  if (method === 'POST') add('idempotency_in_flight', 'idempotency_key_reused')
  if (method === 'PATCH' || method === 'PUT' || method === 'DELETE') add('precondition_required', 'precondition_failed')
  if (rule === 'deploy.control') add('already_ended')
  if (rule === 'instance.create') add('already_exists', ...ofServices, 'ports_exhausted')
  if (rule === 'instance.update')
    add('already_exists', 'unknown_service', 'unknown_strategy', 'bad_options', ...ofChanges)
  if (rule === 'instance.operate' || rule === 'instance.delete') add(...ofChanges, 'image_unavailable')
  if (rule === 'deploy.create') add(...ofServices, ...ofChanges)
  if (rule === 'task.create') add('already_ended', 'tenant_suspended', 'unknown_service', ...ofChanges)
  if (rule === 'webhook.write') add('tenant_suspended', 'webhook_disabled')
  if (rule === 'tenant.write') add('already_exists', 'tenant_not_empty', 'tenant_suspended')
  if (rule === 'token.write' || rule === 'secret.write') add('tenant_suspended')
  if (rule === 'instance.create' || rule === 'instance.operate' || rule === 'deploy.create') add(...ofTenants)
  return [...found].toSorted((a, b) => errorCodes[a].status - errorCodes[b].status || a.localeCompare(b))
}
