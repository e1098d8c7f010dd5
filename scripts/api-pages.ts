import { readFileSync } from 'node:fs'
import { rules } from '../src/server/rules.ts'

/** What of an OpenAPI document is told. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
  readonly 'x-problem-codes': readonly string[]
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly example?: unknown
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly required?: readonly string[]
  readonly allOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
}

const root = new URL('../', import.meta.url)

/** The text of docs/api.md: what holds for all routes, each route, and each schema. */
export function apiPages({ paths, components }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ key: `${method.toUpperCase()} ${path}`, operation })),
  )
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags))]
  const routes = tags.flatMap(tag => [
    `### ${tag}`,
    ...operations
      .filter(({ operation }) => operation.tags.includes(tag))
      .map(({ key, operation }) => route(key, operation)),
  ])
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaSection(name, schema))
  return `${[preface(), '## Routes', ...routes, '## Schemas', ...schemas].join('\n\n')}\n`
}

function preface(): string {
  const text = readFileSync(new URL('scripts/api-preface.md', root), 'utf8')
  return text
    .replaceAll(/\{\{(.+)\}\}/g, (_, file: string) => `\`\`\`ts\n${readFileSync(new URL(file, root), 'utf8')}\`\`\``)
    .trimEnd()
}

function route(key: string, operation: Operation): string {
  const rule = Object.hasOwn(rules, key) ? rules[key as keyof typeof rules] : 'open'
  const body = operation.requestBody
  const bodySchema = body?.content['application/json']?.schema
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: where, required, description = '', schema }) =>
      `| ${name} | ${where}${required ? ', required' : ''} | ${typeOf(schema)} | ${cell(description)} |`,
  )
  const answers = Object.entries(operation.responses)
    .filter(([status]) => status !== 'default')
    .map(([status, { description, content }]) => {
      const type = Object.values(content ?? {})[0]?.schema
      return `${status} ${description}${type ? ` (${typeOf(type)})` : ''}`
    })
  return [
    `#### ${key}`,
    `${operation.summary}. \`${operation.operationId}\`, ${rule === 'open' || rule === 'any token' ? rule : `needs ${rule}`}.`,
    ...(parameters.length > 0 ? [['| parameter | in | type | |', '|---|---|---|---|', ...parameters].join('\n')] : []),
    ...(bodySchema ? [`Body${body?.required ? '' : ', if any'}: ${typeOf(bodySchema)}.`] : []),
    `Answers: ${answers.join('; ')}.`,
    ...(operation['x-problem-codes'].length > 0 ? [`Refused with: ${operation['x-problem-codes'].join(', ')}.`] : []),
  ].join('\n\n')
}

function schemaSection(name: string, schema: Schema): string {
  const parts = [schema, ...(schema.allOf ?? [])].filter(({ properties }) => properties)
  const fields = parts.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).map(
      ([field, of]) =>
        `| ${field}${required.includes(field) ? '' : '?'} | ${typeOf(of)} | ${cell(of.description ?? '')} |`,
    ),
  )
  const bases = (schema.allOf ?? []).filter(({ $ref }) => $ref).map(typeOf)
  const kinds = schema.oneOf ?? schema.anyOf
  return [
    `### ${name}`,
    ...(schema.description === undefined ? [] : [schema.description]),
    ...(bases.length > 0 ? [`All of ${bases.join(', ')}, and:`] : []),
    ...(kinds ? [`One of:\n\n${kinds.map(kind => `- ${typeOf(kind)}`).join('\n')}`] : []),
    ...(fields.length > 0 ? [['| field | type | |', '|---|---|---|', ...fields].join('\n')] : []),
    ...(schema.example === undefined ? [] : [`\`\`\`json\n${JSON.stringify(schema.example, null, 2)}\n\`\`\``]),
  ].join('\n\n')
}

/** A type in a few words; schemas with a name are linked. */
function typeOf(schema: Schema): string {
  const { $ref, enum: values, items, anyOf, oneOf, properties, additionalProperties, type } = schema
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? ''
    return `[${name}](#${name.toLowerCase()})`
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (values) return values.length > 20 ? `one of ${values.length} words` : values.join(', ')
  const kinds = anyOf ?? oneOf
  if (kinds) return kinds.map(typeOf).join(' or ')
  if (items) return `list of ${typeOf(items)}`
  if (properties) {
    const inner = Object.entries(properties).map(
      ([name, of]) => `${name}${schema.required?.includes(name) ? '' : '?'}: ${typeOf(of)}`,
    )
    return `{ ${inner.join('; ')} }`
  }
  if (typeof additionalProperties === 'object') return `name → ${typeOf(additionalProperties)}`
  if (type === undefined) return 'anything'
  return typeof type === 'string' ? type : type.join(' or ')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
