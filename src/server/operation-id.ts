/**
 * The name of an operation, as one would name the function: `listInstances`, `scaleInstance`, `revokeSecretVersion`.
 *
 * @example
 * operationIdOf('POST', '/v1/instances/{id}/scale') // 'scaleInstance'
 */
export function operationIdOf(method: string, path: string): string {
  const parts = path.replace(/^\/v1/, '').replace('.json', '').split('/').filter(Boolean)
  const isParameter = (part: string | undefined): boolean => part?.startsWith('{') === true
  // What is followed by a parameter is one of many.
  const nouns = parts.flatMap((part, n) => (isParameter(part) ? [] : [isParameter(parts[n + 1]) ? one(part) : part]))
  const last = nouns.at(-1) ?? ''
  if (isParameter(parts.at(-1))) return camel(verbs[method] ?? method.toLowerCase(), nouns)
  if (method !== 'POST') {
    if (last === 'stream') return camel('stream', nouns.slice(0, -1))
    return camel(method === 'GET' && last.endsWith('s') ? 'list' : (verbs[method] ?? ''), nouns)
  }
  return last.endsWith('s') ? camel('create', [...nouns.slice(0, -1), one(last)]) : camel(last, nouns.slice(0, -1))
}

const verbs: Readonly<Record<string, string>> = { GET: 'get', PATCH: 'update', PUT: 'set', DELETE: 'delete' }

function one(many: string): string {
  return many.endsWith('ies') ? `${many.slice(0, -3)}y` : many.replace(/s$/, '')
}

function camel(verb: string, nouns: readonly string[]): string {
  return verb + nouns.map(noun => noun.charAt(0).toUpperCase() + noun.slice(1)).join('')
}
