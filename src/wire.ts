/** Fields whose keys are names that users chose, so they stay as they are. */
const maps = [
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
  'traffic',
] as const
const mapNames: ReadonlySet<string> = new Set(maps)

type MapName = (typeof maps)[number]

type SnakeCase<S extends string> = S extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Rest>}`
  : S

type WiredField<K, V> = K extends MapName ? (V extends readonly unknown[] ? Wired<V> : V) : Wired<V>

/** The type of a value as it goes over the wire. */
export type Wired<T> = T extends readonly unknown[]
  ? { -readonly [K in keyof T]: Wired<T[K]> }
  : T extends object
    ? { -readonly [K in keyof T as K extends string ? SnakeCase<K> : K]: WiredField<K, T[K]> }
    : T

/**
 * A value as it goes over the wire: camelCase fields become snake_case keys, keys that users chose stay as they are.
 *
 * @example
 * wire({ tenantId: 'acme', env: { LOG_LEVEL: 'info' } }) // { tenant_id: 'acme', env: { LOG_LEVEL: 'info' } }
 */
export function wire<T>(value: T): Wired<T> {
  return renamed(value, snakeCase, key => mapNames.has(key)) as Wired<T>
}

/** The way back: what came over the wire, with the names the library uses. */
export function unwire(value: unknown): unknown {
  return renamed(value, camelCase, key => mapNames.has(camelCase(key)))
}

/** One name as it stands on the wire. */
export function snakeCase(key: string): string {
  const known = snakes.get(key)
  if (known !== undefined) return known
  const snake = key.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
  // Our own fields; keys that come from outside are as many as somebody likes.
  if (snakes.size < mostNames) snakes.set(key, snake)
  return snake
}

const snakes = new Map<string, string>()
const mostNames = 1000

function camelCase(key: string): string {
  return key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function renamed(value: unknown, rename: (key: string) => string, isMap: (key: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map(item => renamed(item, rename, isMap))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      rename(key),
      isMap(key) && !Array.isArray(field) ? field : renamed(field, rename, isMap),
    ]),
  )
}
