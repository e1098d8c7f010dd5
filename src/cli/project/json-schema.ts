import { z } from 'zod'
import { words } from '../../server/words.ts'
import { optionSchemas } from './options.ts'
import { projectSchema } from './project.ts'
import { schemaUrl } from './write.ts'

type Json = Readonly<Record<string, unknown>>

/** The JSON schema of project files, for editors: made of the schemas they are checked with. */
export function projectJsonSchema(): Json {
  const schema = described(jsonOf(projectSchema), '')
  const options = Object.entries(optionSchemas).map(([strategy, of]) => ({
    if: { properties: { strategy: { const: strategy } }, required: ['strategy'] },
    // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON schema
    then: { properties: { options: described(jsonOf(of), '') } },
  }))
  const { $schema, ...rest } = schema
  return { $schema, $id: schemaUrl, title: 'slipway.yaml', ...rest, allOf: options }
}

function jsonOf(schema: z.ZodType): Json {
  return { ...z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any', reused: 'inline' }) }
}

/** Fields whose texts may be written as numbers: `PORT: 3000`. */
const texts: ReadonlySet<string> = new Set(['env', 'command', 'args', 'before', 'headers'])

/** What fields mean here, where it is not what they mean on the wire; after a dot, those of one mapping only. */
const own: Readonly<Record<string, string>> = {
  '.name': 'The name of the instance.',
  'services.name': 'The name of the service.',
  'volumes.path': 'Where it is mounted.',
  'health_check.path': 'The path of the probe. Default /.',
  'health_check.status': 'The lowest and the highest status that is good.',
  'health_check.type': 'How it is asked.',
  'policies.strategy': 'The strategy of deploys that name none.',
  'services.expose': 'It has the bare host name of the instance. One service may.',
  tenant: "For operators: whose instance it is. Others have their token's tenant.",
  services: 'All services there are: one that is not named is removed.',
  options: 'Options of the strategy, named as docs/strategies.md names them: `holdSeconds`.',
  replicas: 'How many run. Absent: 1 for a new service, and what it is for one that is there.',
  image:
    'What to run: `file:./folder`, from where this file stands, or `npm:name@version`. `${NAME}` and `${NAME:-default}` come from the environment.',
  env: 'Environment variables. `${NAME}` and `${NAME:-default}` come from the environment when the file is read.',
  secrets: 'Environment variable → name of a secret. Values of secrets do not belong into the file.',
  strategy: 'How a deploy of this file moves: rolling, blue-green, canary, recreate, or one of the server.',
}

function described(node: unknown, name: string): Json {
  const { properties, ...given } = node as Json
  const entries = Object.entries(given).map(([key, value]): [string, unknown] => [key, inner(value, name)])
  const fields = Object.entries((properties ?? {}) as Json).map(([field, value]): [string, unknown] => {
    const description = own[`${name}.${field}`] ?? own[field] ?? words[field]
    return [field, { ...(description === undefined ? {} : { description }), ...described(value, field) }]
  })
  const loose = given['type'] === 'string' && texts.has(name) && given['pattern'] === undefined
  return {
    ...Object.fromEntries(entries),
    ...(loose ? { type: ['string', 'number', 'boolean'] } : {}),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(fields) }),
  }
}

function inner(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map(item => inner(item, name))
  return value !== null && typeof value === 'object' ? described(value, name) : value
}
