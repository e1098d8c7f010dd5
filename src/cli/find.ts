import type { Client, Deployment, InstanceItem } from '../client/index.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'

/** How many deployments an ending of an id is looked for in. */
const lookedThrough = 200

/**
 * The instance that is meant by its name, `tenant/name`, or id. Throws a `Refusal` when there is none, or more than one.
 */
export async function findInstance(
  client: Client,
  text: string,
): Promise<{ readonly id: string; readonly name: string; readonly tenant_id: string }> {
  if (text.startsWith('inst_')) return await client.instances.get(text)
  const [name = '', tenant] = text.split('/').toReversed()
  const found: InstanceItem[] = []
  if (/^[a-z0-9-]{1,40}$/.test(name)) {
    const options = tenant === undefined ? {} : { tenant }
    for await (const instance of client.instances.list({ q: name, limit: 200 }, options)) {
      if (instance.name === name && instance.state !== 'deleted') found.push(instance)
    }
  }
  const [only, ...others] = found
  if (only && others.length === 0) return only
  if (only) {
    throw new Refusal(
      exit.usage,
      'ambiguous',
      `Several tenants have an instance ${JSON.stringify(name)}.`,
      `Say which: ${found.map(({ tenant_id, name }) => `${tenant_id}/${name}`).join(', ')}`,
    )
  }
  throw new Refusal(
    exit.notFound,
    'not_found',
    `There is no instance ${JSON.stringify(text)}.`,
    'See what there is:  slipway ps',
  )
}

/** The deployment that is meant: its id, the end of one, or without a word the one that runs. */
export async function findDeployment(client: Client, text: string | undefined): Promise<string> {
  if (text?.startsWith('dep_')) return text
  const query = text === undefined ? ({ state: 'active', limit: 200 } as const) : { limit: lookedThrough }
  const { items } = await client.deployments.list(query).page()
  const found = text === undefined ? items : items.filter(({ id }) => id.endsWith(text))
  const [only, ...others] = found
  if (only && others.length === 0) return only.id
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

function lineOf({ id, state, kind }: Deployment): string {
  return `${id}  ${kind} ${state}`
}
