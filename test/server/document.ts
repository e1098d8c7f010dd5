import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** The OpenAPI document of a server, as those who only have that see it. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
  /** Fails unless the answer is one that the document describes, with no field it does not tell of. */
  check(method: string, path: string, answer: Response, body: unknown): void
  /** Documented answers that were never met so far: `GET /v1/instances 200`. */
  unmet(): string[]
}

export interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly 'x-problem-codes': readonly string[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: object }[]
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

type Content = Readonly<Record<string, { readonly schema: object }>>

/** Reads the document from the server. */
export async function openDocument(url: string): Promise<Document> {
  const answer = await fetch(`${url}/v1/openapi.json`)
  assert.equal(answer.status, 200)
  const { paths, components } = (await answer.json()) as Pick<Document, 'paths' | 'components'>
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ $id: 'doc', components: closed(components) })
  const validators = new Map<object, ValidateFunction>()
  const met = new Set<string>()

  const operationOf = (method: string, path: string): [string, Operation] | undefined => {
    const [asked = ''] = path.split('?')
    const forms = Object.keys(paths).toSorted((a, b) => a.split('{').length - b.split('{').length)
    const form = forms.find(form => new RegExp(`^${form.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(asked))
    const operation = form === undefined ? undefined : paths[form]?.[method.toLowerCase()]
    return form !== undefined && operation ? [`${method} ${form}`, operation] : undefined
  }

  return {
    paths,
    components,
    check(method, path, answer, body) {
      const found = operationOf(method, path)
      if (!found) return
      const [name, operation] = found
      const status = operation.responses[String(answer.status)] ? String(answer.status) : 'default'
      const described = operation.responses[status]
      assert.ok(
        described,
        `${name} answers ${answer.status}, which its document does not tell: ${JSON.stringify(body)}`,
      )
      met.add(`${name} ${status}`)
      if (answer.status >= 400) {
        const { code } = body as { code: string }
        assert.ok(
          operation['x-problem-codes'].includes(code),
          `${name} is refused with ${code}, which its document does not tell`,
        )
      }
      const [type = ''] = (answer.headers.get('content-type') ?? '').split(';')
      if (!described.content) return assert.equal(body, '', `${name} ${status} has no content`)
      const schema = described.content[type]?.schema
      assert.ok(schema, `${name} answers ${status} as ${type}, not as ${Object.keys(described.content).join()}`)
      if (!type.endsWith('json')) return
      let validate = validators.get(schema)
      if (!validate) {
        validate = ajv.compile(closed(schema) as object)
        validators.set(schema, validate)
      }
      const told = type.endsWith('ndjson')
        ? String(body)
            .trimEnd()
            .split('\n')
            .filter(Boolean)
            .map(line => JSON.parse(line))
        : [body]
      for (const one of told) {
        if (!validate(one))
          assert.fail(`${name} ${status}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(one)}`)
      }
    },
    unmet() {
      const all = Object.entries(paths).flatMap(([form, methods]) =>
        Object.entries(methods).flatMap(([method, { responses }]) =>
          Object.keys(responses).map(status => `${method.toUpperCase()} ${form} ${status}`),
        ),
      )
      return all.filter(response => !met.has(response))
    },
  }
}

/** The schema with every object closed, so that a field it does not tell of is seen; and with references into the document. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (schema === null || typeof schema !== 'object') return schema
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string' ? `doc${value}` : closed(value),
    ]),
  )
  if (copy['allOf']) return { ...copy, unevaluatedProperties: false }
  return copy['type'] === 'object' && copy['properties'] !== undefined && copy['additionalProperties'] === undefined
    ? { ...copy, additionalProperties: false }
    : copy
}
