import { type CallOptions, type Client, type Deployment, type Instance, SlipwayApiError } from '../client/index.ts'
import type { Cli } from './cli.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'

/** How many things an ending of an id is looked for in. */
const lookedThrough = 200

/** Who is asked, and what about: the client asks for the tenant that it belongs to. */
export interface Meant<T> {
  readonly client: Client
  readonly of: T
}

/** The instance that a command names, and a client for its tenant: an operator need not say it again. */
export async function instanceMeant(cli: Cli, text: string): Promise<Meant<Instance>> {
  const of = await findInstance(await cli.connect(), text, { signal: cli.signal })
  return { client: await cli.connect(of.tenant_id), of }
}

/**
 * The deployment that a command names, or the only one that runs, and a client for its tenant. For those who only look, those that wait
 * for their turn behind it leave no doubt about which one that is.
 */
export async function deploymentMeant(
  cli: Cli,
  text: string | undefined,
  { looks = false }: { readonly looks?: boolean } = {},
): Promise<Meant<string>> {
  const client = await cli.connect()
  // A whole id is looked up by whoever asks about it.
  if (text?.startsWith('dep_')) return { client, of: text }
  const { id, tenant_id } = await oneDeployment(client, text, { signal: cli.signal }, looks)
  return { client: await cli.connect(tenant_id), of: id }
}

/**
 * The instance that is meant by its name, `tenant/name`, id, or the end of one. Throws a `Refusal` when there is none, or more than one.
 */
export async function findInstance(client: Client, text: string, options: CallOptions = {}): Promise<Instance> {
  if (text.startsWith('inst_')) return await client.instances.get(text, options)
  const [name = '', tenant, ...more] = text.split('/').toReversed()
  const of = tenant === undefined ? options : { ...options, tenant }
  // What has more parts, or an empty one, names nothing: it must not be taken for a shorter one.
  if (tenant === '' || more.length > 0) throw noInstance(text)
  const named = isPartOfName(name)
    ? (await listed(of, of => Array.fromAsync(client.instances.list({ q: name, limit: 200 }, of)))).filter(
        instance => instance.name === name && instance.state !== 'deleted',
      )
    : []
  const found = named.length > 0 ? named : await instancesEndingIn(client, name, of)
  const [only, ...others] = found
  if (only && others.length === 0) return only
  if (only) {
    throw new Refusal(
      exit.usage,
      'ambiguous',
      named.length > 0
        ? `Several tenants have an instance ${JSON.stringify(name)}.`
        : `Several instances end in ${JSON.stringify(name)}.`,
      `Say which: ${found.map(({ id, tenant_id, name }) => (named.length > 0 ? `${tenant_id}/${name}` : id)).join(', ')}`,
    )
  }
  throw noInstance(text)
}

function noInstance(text: string): Refusal {
  return new Refusal(
    exit.notFound,
    'not_found',
    `There is no instance ${JSON.stringify(text)}.`,
    'See what there is:  slipway ps',
  )
}

/** The deployment that is meant: its id, the end of one, or without a word the one that runs. */
export async function findDeployment(
  client: Client,
  text: string | undefined,
  options: CallOptions = {},
): Promise<string> {
  if (text?.startsWith('dep_')) return text
  return (await oneDeployment(client, text, options)).id
}

/** The id of the release that is meant: its id, or its version as it is told, `v41`. */
export async function findRelease(
  client: Client,
  instance: Pick<Instance, 'id' | 'name'>,
  text: string,
  options: CallOptions = {},
): Promise<string> {
  if (text.startsWith('rel_')) return text
  const [, version] = /^v?(\d{1,9})$/.exec(text) ?? []
  if (version !== undefined) {
    for await (const release of client.releases.list(instance.id, { limit: 200 }, options)) {
      if (release.version === Number(version)) return release.id
    }
  }
  throw new Refusal(
    exit.notFound,
    'not_found',
    `${instance.name} has no release ${JSON.stringify(text)}.`,
    `See those it has:  slipway releases ${instance.name}`,
  )
}

async function instancesEndingIn(client: Client, text: string, options: CallOptions): Promise<Instance[]> {
  if (!isEnding(text)) return []
  const { items } = await listed(options, of => client.instances.list({ limit: lookedThrough }, of).page())
  return items.filter(({ id, state }) => id.endsWith(text) && state !== 'deleted')
}

async function oneDeployment(
  client: Client,
  text: string | undefined,
  options: CallOptions,
  looks = false,
): Promise<Deployment> {
  const query = text === undefined ? ({ state: 'active', limit: 200 } as const) : { limit: lookedThrough }
  const { items } =
    text === undefined || isEnding(text)
      ? await listed(options, of => client.deployments.list(query, of).page())
      : { items: [] }
  const running = items.filter(({ state }) => state === 'running')
  const open = looks && running.length > 0 ? running : items
  const found = text === undefined ? open : items.filter(({ id }) => id.endsWith(text))
  const [only, ...others] = found
  if (only && others.length === 0) return only
  if (only) {
    throw new Refusal(
      exit.usage,
      'ambiguous',
      text === undefined ? 'Several deployments run.' : `Several deployments end in ${JSON.stringify(text)}.`,
      ...found.slice(0, 5).map(lineOf),
    )
  }
  if (text === undefined) {
    throw new Refusal(
      exit.notFound,
      'not_found',
      'No deployment runs.',
      'See the last ones:  slipway releases INSTANCE',
    )
  }
  throw new Refusal(
    exit.notFound,
    'not_found',
    `None of the last ${lookedThrough} deployments ends in ${JSON.stringify(text)}.`,
    'See what runs:  slipway ps',
  )
}

/** A list; an operator who named no tenant gets that of all. */
export async function listed<T>(options: CallOptions, list: (options: CallOptions) => Promise<T>): Promise<T> {
  try {
    return await list(options)
  } catch (error) {
    const untold = error instanceof SlipwayApiError && error.errors.some(({ pointer }) => pointer === '/tenant')
    if (!untold || options.tenant !== undefined) throw error
    return await list({ ...options, tenant: '*' })
  }
}

function isPartOfName(text: string): boolean {
  return /^[a-z0-9-]{1,40}$/.test(text)
}

/** Ids end in letters and digits; fewer than four would be a guess. */
function isEnding(text: string): boolean {
  return /^[0-9a-z]{4,40}$/.test(text)
}

function lineOf({ id, state, kind }: Deployment): string {
  return `${id}  ${kind} ${state}`
}
