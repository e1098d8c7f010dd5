import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { messageOf } from '../../errors.ts'
import type { Fault, Place } from './fault.ts'

/** The largest project file that is read, in characters. */
export const largestFile = 1024 * 1024
/** How many values a file may come to, what its aliases repeat included. */
const mostValues = 50_000
const mostAliases = 100
const deepest = 64

type Path = readonly PropertyKey[]

/** A YAML file as plain values that know where they stand. */
export interface YamlFile {
  /** What it says; nothing of use when there are faults. */
  readonly value: unknown
  /** What is wrong with it as YAML. */
  readonly faults: readonly Fault[]
  /** Where the value stands; where it would belong, when there is none. */
  placeOf(path: Path): Place
  /** Where its key stands. */
  placeOfKey(path: Path): Place
  /** A number or a boolean as it is written; a quoted text has none. */
  writtenAs(path: Path): string | undefined
}

/**
 * Reads YAML 1.2, in which `no` is a text. Aliases are followed as far as a person would write them. `merge`: `<<` brings in the
 * keys of other mappings, as compose files have it. Never throws.
 */
export function readYaml(text: string, { merge = false }: { readonly merge?: boolean } = {}): YamlFile {
  const values = new Map<string, Node>()
  const keys = new Map<string, Node>()
  const lines = new LineCounter()
  const rows = text.split(/\r?\n/)
  const faults: Fault[] = []
  const at = (offset: number): Place => {
    // What is missing at the end is missed beyond it.
    const { line, col } = lines.linePos(Math.min(offset, text.length))
    const row = rows[Math.max(1, line) - 1] ?? ''
    return { line: Math.max(1, line), column: Math.max(1, Math.min(col, row.length + 1)) }
  }
  const placeIn = (nodes: ReadonlyMap<string, Node>, path: Path): Place | undefined => {
    const start = nodes.get(idOf(path))?.range?.[0]
    return start === undefined ? undefined : at(start)
  }
  const placeOf = (path: Path): Place =>
    placeIn(values, path) ??
    placeIn(keys, path) ??
    (path.length === 0 ? { line: 1, column: 1 } : placeOfWhole(path.slice(0, -1)))
  /** A mapping begins where its own key or its dash stands, rather than with its first entry. */
  const placeOfWhole = (path: Path): Place => placeIn(keys, path) ?? placeOf(path)
  const file = {
    placeOf,
    placeOfKey: (path: Path) => placeIn(keys, path) ?? placeOf(path),
    writtenAs(path: Path) {
      const node = values.get(idOf(path))
      return isScalar(node) && typeof node.value !== 'string' && node.value !== null ? node.source : undefined
    },
  }
  const refused = (message: string, place: Place = { line: 1, column: 1 }) => ({
    ...file,
    value: undefined,
    faults: [{ ...place, key: '', message }],
  })
  if (text.length > largestFile) return refused(`is larger than ${largestFile / 1024} kB`)
  try {
    const document = parseDocument(text, {
      schema: 'core',
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      logLevel: 'silent',
    })
    for (const { pos, message } of [...document.errors, ...document.warnings]) {
      faults.push({ ...at(pos[0]), key: '', message: `is not YAML that can be read: ${lowerFirst(message)}` })
    }
    if (faults.length > 0) return { ...file, value: undefined, faults }
    const room = { values: mostValues, aliases: mostAliases }
    const open = new Set<Node>()
    const valueOf = (node: unknown, path: Path): unknown => {
      if (--room.values < 0) throw new Unreadable(`comes to more than ${mostValues} values`, path)
      if (path.length > deepest) throw new Unreadable(`is nested more than ${deepest} deep`, path.slice(0, deepest))
      if (isAlias(node)) {
        if (--room.aliases < 0) throw new Unreadable(`has more than ${mostAliases} aliases`, path)
        values.set(idOf(path), node)
        const meant = node.resolve(document)
        if (!meant) throw new Unreadable(`has an alias of "${node.source}", which is not there`, path)
        if (open.has(meant)) throw new Unreadable(`contains itself, by the alias "${node.source}"`, path)
        return valueOf(meant, path)
      }
      if (isScalar(node)) {
        if (!values.has(idOf(path))) values.set(idOf(path), node)
        return node.value
      }
      if (!isMap(node) && !isSeq(node)) return null
      if (!values.has(idOf(path))) values.set(idOf(path), node)
      open.add(node)
      const value = isSeq(node)
        ? node.items.map((item, n) => valueOf(item, [...path, n]))
        : Object.fromEntries(
            node.items.flatMap(({ key, value }): [string, unknown][] => {
              const name = isScalar(key) ? String(key.value) : ''
              const here = [...path, name]
              if (isScalar(key)) keys.set(idOf(here), key)
              if (!isScalar(key) || name === '__proto__') throw new Unreadable('has a key that cannot be one', here)
              const inner = valueOf(value, here)
              return merge && name === '<<' ? mergedIn(inner) : [[name, inner]]
            }),
          )
      open.delete(node)
      return value
    }
    return { ...file, value: valueOf(document.contents, []), faults }
  } catch (error) {
    if (error instanceof Unreadable) return refused(error.message, placeOf(error.path))
    // Text that is nested without end exhausts the stack of the parser; nothing else of it throws.
    return refused(
      `is not YAML that can be read: ${error instanceof RangeError ? 'it is nested too deep' : lowerFirst(messageOf(error))}`,
    )
  }
}

/** What `<<` brings in; of several mappings the first goes before. Keys of the mapping itself stand below it, and so replace them. */
function mergedIn(value: unknown): [string, unknown][] {
  const mappings: unknown[] = Array.isArray(value) ? value.toReversed() : [value]
  return mappings.flatMap(mapping => (mapping !== null && typeof mapping === 'object' ? Object.entries(mapping) : []))
}

/** Two paths never share one, whatever characters their keys are made of. */
function idOf(path: Path): string {
  return JSON.stringify(path)
}

class Unreadable extends Error {
  readonly path: Path

  constructor(message: string, path: Path) {
    super(message)
    this.path = path
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
