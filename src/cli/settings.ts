import { contextsFile, readContexts } from './contexts.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'
import type { World } from './world.ts'

/** Where the server of this machine listens when nothing else is said. */
export const defaultUrl = 'http://127.0.0.1:7420'

/** A value and where it came from. */
export interface Sourced<T> {
  readonly value: T
  /** `--tenant`, `SLIPWAY_URL`, `context acme in ~/.config/slipway/config.json`, `default`. */
  readonly source: string
}

/** Which server a command talks to, and as whom. */
export interface Settings {
  readonly context?: Sourced<string>
  readonly url: Sourced<string>
  readonly token?: Sourced<string>
  readonly tenant?: Sourced<string>
}

/** What flags say about it. */
export interface SettingFlags {
  readonly context?: string
  readonly url?: string
  readonly tenant?: string
}

/** Settles each value: a flag wins over the environment, that over the context in use, that over the default. */
export async function settle(world: Pick<World, 'env' | 'home'>, flags: SettingFlags = {}): Promise<Settings> {
  const { env } = world
  const known = await readContexts(world)
  const named = first([flags.context, '--context'], [env['SLIPWAY_CONTEXT'], 'SLIPWAY_CONTEXT'])
  const name = named ?? first([known.current, contextsFile(world)])
  const context = name && Object.hasOwn(known.contexts, name.value) ? known.contexts[name.value] : undefined
  if (named && !context) {
    const names = Object.keys(known.contexts)
    throw new Refusal(
      exit.usage,
      'unknown_context',
      `There is no context ${JSON.stringify(named.value)} (from ${named.source}).`,
      names.length > 0 ? `There are: ${names.join(', ')}` : 'Make one:  slipway login --url URL',
    )
  }
  const from = name && context ? `context ${name.value} in ${contextsFile(world)}` : ''
  const url = first([flags.url, '--url'], [env['SLIPWAY_URL'], 'SLIPWAY_URL'], [context?.url, from]) ?? {
    value: defaultUrl,
    source: 'default',
  }
  // A token belongs to the server it was made by: one from a file never goes to a server that was named elsewhere.
  const sameServer = context !== undefined && URL.parse(context.url)?.href === urlOf(url).href
  const token = first([env['SLIPWAY_TOKEN'], 'SLIPWAY_TOKEN'], [sameServer ? context.token : undefined, from])
  const tenant = first(
    [flags.tenant, '--tenant'],
    [env['SLIPWAY_TENANT'], 'SLIPWAY_TENANT'],
    [sameServer ? context.tenant : undefined, from],
  )
  return {
    ...(name && context ? { context: name } : {}),
    url,
    ...(token ? { token } : {}),
    ...(tenant ? { tenant } : {}),
  }
}

/** The address as one. Throws a `Refusal` that names where it came from. */
export function urlOf({ value, source }: Sourced<string>): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new Refusal(
    exit.usage,
    'bad_url',
    `${JSON.stringify(value)} (from ${source}) is not the address of a server.`,
    `It looks like ${defaultUrl}`,
  )
}

function first(...found: readonly (readonly [string | undefined, string])[]): Sourced<string> | undefined {
  for (const [value, source] of found) {
    if (value !== undefined && value !== '') return { value, source }
  }
  return undefined
}
