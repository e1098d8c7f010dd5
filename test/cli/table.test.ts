import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cliPage } from '../../scripts/cli-page.ts'
import type { Listed } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { root, textOf } from '../docs/markdown.ts'
import { startUser } from './world.ts'

/** Every command that help tells of, by its words. */
function leaves(listed: Readonly<Record<string, Listed>>, before: readonly string[] = []): string[] {
  return Object.entries(listed).flatMap(([name, entry]) => {
    if (entry.hidden) return []
    const words = [...before, name]
    return 'under' in entry ? leaves(entry.under, words) : [words.join(' ')]
  })
}

const all = leaves(commands)
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.ts'))
  .map(name => readFileSync(join(root, 'test', name), 'utf8'))
  .join('\n')

/** Tested in another way than by the five cases, each by the file that is named. */
const otherwise: Readonly<Record<string, string>> = {
  demo: 'test/examples/demo.test.ts',
  init: 'test/cli/init.test.ts',
}

/** Ways that a command cannot go; the reason stands where its cases are. */
const cannotBe: readonly string[] = [
  '__complete: interrupted',
  'completion: failed',
  'completion: interrupted',
  'config: interrupted',
  'context list: interrupted',
  'context show: interrupted',
  'context use: interrupted',
  'down: interrupted',
  'explain: failed',
  'explain: interrupted',
  'logout: interrupted',
  'move: interrupted',
  'releases: empty',
  'up: empty',
]

describe('every command that help tells of', () => {
  test('is tested: when it works, with nothing there, refused, without a server, and interrupted', () => {
    const missing = all.filter(words => otherwise[words] === undefined && !tests.includes(`cases('${words}'`))
    assert.deepEqual(missing, [])
    for (const file of Object.values(otherwise)) assert.doesNotThrow(() => textOf(file))
  })

  test('has all five ways, but for those that there cannot be', () => {
    const without = tests
      .split(/^ *cases\('/m)
      .slice(1)
      .flatMap(block => {
        const command = block.slice(0, block.indexOf("'"))
        return [...block.matchAll(/^ +(happy|empty|refused|failed|interrupted): \{ none: /gm)].map(
          ([, way]) => `${command}: ${way}`,
        )
      })
    assert.deepEqual(without.toSorted(), cannotBe.toSorted())
  })

  test('has help on stdout, with an example unless it takes nothing of its own', async t => {
    const user = await startUser(t)
    for (const words of all) {
      const { code, out, err } = await user.call([...words.split(' '), '--help'])
      assert.deepEqual({ code, err }, { code: 0, err: '' }, words)
      assert.match(out, new RegExp(`^Usage: slipway ${words}`), words)
      const takes = /^ {2}(?!-h|--json|--context|--url|--tenant|-y|--ascii)(?:-\w, )?(?:--|\w)/m.test(
        out.replace(/\nExamples:.*/s, ''),
      )
      assert.ok(!takes || /\nExamples:\n {2}\$ .*slipway /.test(out), `${words} has examples`)
    }
  })

  test('tells what is wrong with an option as a usage error', async t => {
    const user = await startUser(t)
    for (const words of all) {
      const { code, out } = await user.call([...words.split(' '), '--no-such-option'])
      assert.deepEqual({ code, out }, { code: 2, out: '' }, words)
    }
  })

  test('is in docs/cli.md as `npm run docs:cli` makes it', async () => {
    assert.ok((await cliPage()) === textOf('docs/cli.md'), 'run `npm run docs:cli`')
  })
})
