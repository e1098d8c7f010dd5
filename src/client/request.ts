import type { RouteKey } from '../server/index.ts'
import type { AskOptions, FollowOptions, Settings } from './options.ts'

/** What goes with a request, beside its route. */
export interface Sent {
  /** What stands in the path, by name. */
  readonly path?: Readonly<Record<string, string | number>>
  readonly query?: object | undefined
  readonly body?: unknown
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
  readonly lastEventId?: string | undefined
  /** What is answered is given as it is, whatever its form. */
  readonly asText?: true
  readonly options?: (AskOptions & FollowOptions) | undefined
}

/** A request before it is sent, as often as it takes. */
export interface Prepared {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Whether the answer is given as it is, and not read as JSON. */
  readonly asText: boolean
  /** Done twice it is as if done once. */
  readonly idempotent: boolean
}

/** The request for a route. Every POST has a key, which all its repetitions share. */
export function prepare(key: RouteKey, sent: Sent, { url, tenant }: Pick<Settings, 'url' | 'tenant'>): Prepared {
  const [method = '', form = ''] = key.split(' ')
  const { path = {}, query = {}, body, ifMatch, ifNoneMatch, lastEventId, options = {} } = sent
  const headers = {
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(method === 'POST' ? { 'Idempotency-Key': options.idempotencyKey ?? crypto.randomUUID() } : {}),
    ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { 'If-None-Match': ifNoneMatch }),
    ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
  }
  return {
    method,
    url:
      url +
      form.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(path[name], name)) +
      search(query, options.tenant ?? tenant),
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    asText: sent.asText === true,
    idempotent: method === 'GET' || method === 'POST',
  }
}

/** One name in a path. Of a name that means "here" or "above" another path would be made. */
function segment(value: string | number | undefined, name: string): string {
  const text = String(value ?? '')
  if (!/^\.{0,2}$/.test(text)) return encodeURIComponent(text)
  throw new TypeError(`${JSON.stringify(value)} is no ${name}.`)
}

function search(query: object, tenant: string | undefined): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries({ ...query, tenant }) as [
    string,
    string | number | string[] | undefined,
  ][]) {
    if (value !== undefined) search.set(name, Array.isArray(value) ? value.join(',') : String(value))
  }
  return search.size === 0 ? '' : `?${search.toString()}`
}
