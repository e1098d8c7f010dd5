import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { retentionDefaults } from '../../src/engine/caretaker.ts'
import { errorCodes } from '../../src/errors.ts'
import { blocksOf, documents, namesIn, proseOf, root, sectionOf, textOf } from './markdown.ts'

const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts,
)

/** Names with a _ that are no error codes. */
const otherNames = new Set([
  'rolled_back',
  'last_event_id',
  'next_cursor',
  'total_is_at_least',
  'request_id',
  'if_busy',
  'expect_release',
  'release_id',
  'next_at',
  'overlap_seconds',
  'error_code',
])

/** What the benchmarks print: names of figures and of numbers beside them. */
const bench = readdirSync(join(root, 'bench'))
  .map(name => readFileSync(join(root, 'bench', name), 'utf8'))
  .join('\n')
/** And those of metrics, their labels and the reasons they give: test/docs/observability.test.ts compares them. */
const metrics = readdirSync(join(root, 'src/observe/prometheus'))
  .map(name => readFileSync(join(root, 'src/observe/prometheus', name), 'utf8'))
  .join('\n')

/** Keys of project files: test/docs/slipway-yaml.test.ts compares them. */
const projectSchema = readFileSync(join(root, 'docs/slipway.schema.json'), 'utf8')

describe('documents', () => {
  test('are found', () => {
    for (const name of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/architecture.md', 'docs/strategies.md'])
      assert.ok(documents().includes(name), name)
  })

  test('docs/architecture.md names every option of retention where it says what is kept', () => {
    const named = namesIn(sectionOf(textOf('docs/architecture.md'), 'What is kept'))
    assert.deepEqual(
      Object.keys(retentionDefaults).filter(option => !named.includes(option)),
      [],
    )
  })

  for (const document of documents()) {
    const text = textOf(document)

    test(`${document}: relative links lead to what is there`, () => {
      for (const [, target = ''] of proseOf(text).matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)) {
        const [path = '', anchor] = target.split('#')
        const file = path === '' ? document : join(dirname(document), path)
        assert.ok(existsSync(join(root, file)), `${target} is not there`)
        if (anchor !== undefined) assert.ok(anchorsOf(textOf(file)).has(anchor), `${target} is no heading`)
      }
    })

    test(`${document}: error codes are those of src/errors.ts`, () => {
      const wrong = namesIn(text)
        .filter(name => /^[a-z]+(?:_[a-z]+)+$/.test(name))
        .filter(name => !Object.hasOwn(errorCodes, name) && !otherNames.has(name))
        .filter(name => document !== 'docs/slipway-yaml.md' || !projectSchema.includes(`"${name}"`))
        .filter(name => document !== 'docs/benchmarks.md' || !bench.includes(name))
        .filter(name => document !== 'docs/observability.md' || !metrics.includes(name))
      assert.deepEqual(wrong, [])
    })

    test(`${document}: files of the repository that it names are there`, () => {
      const paths = namesIn(text).filter(name => /^(?:src|test|docs|examples|bench|scripts)\/[\w./-]+$/.test(name))
      assert.deepEqual(
        paths.filter(path => !existsSync(join(root, path))),
        [],
      )
    })

    test(`${document}: npm scripts that it names are there`, () => {
      const commands = [...namesIn(text), ...blocksOf(text).flatMap(block => block.code.split('\n'))]
      const named = commands.flatMap(command => /^npm (?:run )?([\w:]+)/.exec(command)?.[1] ?? [])
      assert.deepEqual(
        named.filter(script => !['ci', 'install', 'uninstall', ...scripts].includes(script)),
        [],
      )
    })
  }
})

/** The anchors of the headings of a text, as forges make them. */
function anchorsOf(text: string): Set<string> {
  const headings = proseOf(text).matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}
