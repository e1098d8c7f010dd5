import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fakeProvider, fakeProxy, fakeRouter, fakeWorld } from '../../src/provider/fake/index.ts'
import { createSlipway } from '../../src/slipway.ts'
import { readSamples, type Samples } from '../observe/samples.ts'

const docs = new URL('../../docs/', import.meta.url)
const read = async (name: string): Promise<string> => await readFile(new URL(name, docs), 'utf8')

describe('docs/observability', () => {
  let samples: Samples
  let text: string
  before(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'slipway-docs-'))
    const providers = [fakeProvider({ world: fakeWorld() })]
    const slipway = await createSlipway({ dataDir, providers, router: fakeRouter({ proxy: fakeProxy() }) })
    text = (await slipway.metrics?.scrape())?.text ?? ''
    samples = readSamples(text)
    await slipway.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  /** Whether a query asks only for what there is, by names and by the values of labels that are there from the start. */
  function assertKnown(query: string, where: string): void {
    const names = metricsIn(query)
    assert.ok(names.length > 0, `${where} asks for no metric`)
    for (const { name, matchers } of names) {
      if (name === 'up') continue
      const family = name.replace(/_(?:bucket|sum|count)$/, '')
      assert.ok(samples.types.has(name) || samples.types.get(family) === 'histogram', `${where}: ${name}`)
      for (const [label, value] of matchers) {
        const there = samples.labels(name)
        if (there.length > 0)
          assert.ok(
            there.some(labels => labels[label] === value),
            `${where}: ${label}="${value}"`,
          )
      }
    }
  }

  test('tells of every metric, with its type and what it says, and of no other', async () => {
    const rows = [...(await read('observability.md')).matchAll(/^\| `(\w+)` \| (\w+) \| [^|]*\| (.*) \|$/gm)]
    assert.deepEqual(new Map(rows.map(([, name, type]) => [name, type])), new Map(samples.types))
    for (const [, name, , help] of rows) assert.ok(text.includes(`# HELP ${name} ${help}\n`), name)
  })

  test('every alert asks for metrics that there are, and says what is wrong', async () => {
    const rules = (await read('observability/alerts.yaml')).split(/^ {6}- alert: /m).slice(1)
    assert.ok(rules.length >= 10)
    for (const rule of rules) {
      const [name = ''] = rule.split('\n')
      assert.match(name, /^Slipway[A-Z]\w+$/)
      const [, line = '', block = ''] = /^ {8}expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/m.exec(rule) ?? []
      assertKnown(line || block, name)
      assert.match(rule, /^ {8}labels: \{ severity: (?:page|ticket) \}$/m, name)
      assert.match(rule, /^ {10}summary: [A-Z].*\.$/m, name)
    }
  })

  test('every panel of the dashboard asks for metrics that there are, and none lies on another', async () => {
    const dashboard = JSON.parse(await read('observability/dashboard.json')) as Dashboard
    assert.equal(typeof dashboard.schemaVersion, 'number')
    assert.deepEqual(
      dashboard.templating.list.map(({ name }) => name),
      ['datasource'],
    )
    const { panels } = dashboard
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const taken = new Set<string>()
    for (const { title, type, targets = [], gridPos } of panels) {
      assert.ok(title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        assert.ok(x < 24 && !taken.has(`${x} ${gridPos.y}`), title)
        taken.add(`${x} ${gridPos.y}`)
      }
      assert.equal(targets.length === 0, type === 'row', title)
      for (const { expr } of targets) assertKnown(expr, title)
    }
  })
})

interface Dashboard {
  readonly schemaVersion: number
  readonly templating: { readonly list: readonly { readonly name: string }[] }
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly type: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

const functions = new Set(['sum', 'max', 'rate', 'increase', 'histogram_quantile'])
const token =
  /\s*(?:(?<name>[a-zA-Z_:][\w:]*)|(?<text>"(?:[^"\\]|\\.)*")|(?<range>\[(?:\d+[smhd]|\$__rate_interval)\])|(?<number>\d+(?:\.\d+)?)|(?<mark>=~|==|[(){},=<>/*+-]))/y

/** The metrics of a query, with what it wants of their labels. Throws at what is no PromQL, as far as brackets and words go. */
function metricsIn(query: string): { name: string; matchers: [string, string][] }[] {
  const found: { name: string; matchers: [string, string][] }[] = []
  const open: string[] = []
  const words: { readonly word: string; readonly at: string | undefined }[] = []
  const end = query.trimEnd().length
  token.lastIndex = 0
  while (token.lastIndex < end) {
    const from = token.lastIndex
    const groups = token.exec(query)?.groups
    if (!groups) throw new Error(`${query}: what is ${query.slice(from, from + 20)}?`)
    const word = Object.values(groups).find(Boolean) ?? ''
    if ('({'.includes(word)) open.push(words.at(-1)?.word === 'by' ? 'by' : word)
    if (')}'.includes(word)) assert.ok(open.pop() !== undefined, `${query}: nothing is open`)
    if (groups['name'] !== undefined && open.at(-1) === '{') found.at(-1)?.matchers.push([word, ''])
    else if (groups['name'] !== undefined && open.at(-1) !== 'by' && word !== 'by' && !functions.has(word))
      found.push({ name: word, matchers: [] })
    const last = found.at(-1)?.matchers.at(-1)
    if (groups['text'] !== undefined && last) last[1] = word.slice(1, -1)
    words.push({ word, at: open.at(-1) })
    // A pattern names no one value.
    if (word === '=~') found.at(-1)?.matchers.pop()
  }
  assert.deepEqual(open, [], `${query}: not everything is closed`)
  return found
}
