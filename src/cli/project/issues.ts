import { z } from 'zod'
import { nearest } from '../../nearest.ts'
import type { YamlFile } from './document.ts'
import { type Fault, keyOf } from './fault.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** What a schema refuses, as faults with their places. `below`: where in the file the value stands that was checked. */
export function faultsOf(issues: readonly Issue[], schema: z.core.$ZodType, file: YamlFile, below: Path = []): Fault[] {
  return issues.flatMap(deepest).flatMap(issue => {
    const path = [...below, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, issue.path)
      return issue.keys.map(name => ({
        ...file.placeOfKey([...path, name]),
        key: keyOf(path),
        message: unknownKey(name, known),
      }))
    }
    const place = issue.code === 'invalid_key' ? file.placeOfKey(path) : file.placeOf(path)
    return [{ ...place, key: keyOf(path), message: sentence(issue, valueAt(file.value, path)) }]
  })
}

/** Texts that were written as numbers or booleans, where a text is what is wanted: `PORT: 3000`. */
export function unquoted(issues: readonly Issue[]): Path[] {
  return issues
    .flatMap(deepest)
    .filter(issue => issue.code === 'invalid_type' && issue.expected === 'string')
    .map(({ path }) => path)
}

/** For a choice of forms, what is wrong with the form that fits best. */
function deepest(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const branches = issue.errors.map(branch => branch.flatMap(deepest))
  const [best] = branches.filter(branch => !branch.some(isWrongForm)).toSorted((a, b) => a.length - b.length)
  return best?.map(cause => ({ ...cause, path: [...issue.path, ...cause.path] })) ?? [issue]
}

function isWrongForm({ code, path }: Issue): boolean {
  return code === 'invalid_type' && path.length === 0
}

function unknownKey(name: string, known: readonly string[]): string {
  const near = nearest(name, known) ?? (known.includes(meant[name] ?? '') ? meant[name] : undefined)
  const start = `unknown key \`${name}\``
  if (near !== undefined) return `${start}, did you mean \`${near}\`?`
  return known.length === 0 ? start : `${start}: there are ${known.map(key => `\`${key}\``).join(', ')}`
}

/** What others call what we call otherwise. */
const meant: Readonly<Record<string, string>> = { environment: 'env', build: 'image', healthcheck: 'health_check' }

function sentence(issue: Issue, value: unknown): string {
  if (value === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union')) return 'is missing'
  if (value === null) return 'has no value: give it one, or leave the key out'
  if (issue.code === 'invalid_type') return `must be ${words[issue.expected] ?? issue.expected}, not ${kindOf(value)}`
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message
  if (issue.code === 'invalid_union' && 'options' in issue && issue.options) {
    return `must be one of ${issue.options.map(String).join(', ')}`
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`
  const { message } = issue
  if (issue.code === 'too_big') return bounded(message, 'at most', issue.maximum)
  if (issue.code === 'too_small') return bounded(message, 'at least', issue.minimum)
  return message.charAt(0).toLowerCase() + message.slice(1)
}

/** Schemas of ours say it themselves; for others, what zod says is too much of a formula. */
function bounded(message: string, words: string, limit: number | bigint): string {
  return /^Too (?:big|small)/.test(message) ? `must be ${words} ${limit}` : message
}

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  tuple: 'a list',
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'string' ? 'a text' : JSON.stringify(value)
}

/** What stands at this path. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      found !== null && typeof found === 'object' && Object.hasOwn(found, key)
        ? (found as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  )
}

/** The keys a mapping may have at this path, as the schema says. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return keysAt(schema.unwrap(), path)
  }
  if (schema instanceof z.ZodExactOptional) return keysAt(schema.unwrap(), path)
  if (schema instanceof z.ZodUnion) return [...new Set(schema.options.flatMap(option => keysAt(option, path)))]
  const [key, ...rest] = path
  if (schema instanceof z.ZodObject) {
    if (key === undefined) return Object.keys(schema.shape)
    const field: z.core.$ZodType | undefined = schema.shape[String(key)]
    return field ? keysAt(field, rest) : []
  }
  if (key === undefined) return []
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest)
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest)
  return []
}
