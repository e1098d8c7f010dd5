/** Fields whose keys are names that users chose, so they stay as they are. */
const maps = new Set([
  'env',
  'secrets',
  'headers',
  'serviceProgress',
  'urls',
  'weights',
  'replicas',
  'options',
  'removedReplicas',
  'readyAtStart',
])

/**
 * A value as it goes over the wire: camelCase fields become snake_case keys, keys that users chose stay as they are.
 *
 * @example
 * wire({ tenantId: 'acme', env: { LOG_LEVEL: 'info' } }) // { tenant_id: 'acme', env: { LOG_LEVEL: 'info' } }
 */
export function wire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wire)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      snakeCase(key),
      maps.has(key) && !Array.isArray(field) ? field : wire(field),
    ]),
  )
}

function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
