import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

const folder = new URL('../../src/client/', import.meta.url)
const files = readdirSync(folder).map(name => [name, readFileSync(new URL(name, folder), 'utf8')] as const)

describe('the client stands on web standards alone:', () => {
  test('what is left of its imports when it runs are its own files', () => {
    assert.ok(files.length > 10)
    const wrong = files.flatMap(([name, text]) =>
      [...text.matchAll(/^(?:import|export)\s+(?<type>type\s)?[^'";]*?\bfrom\s+'(?<to>[^']+)'|\bimport\(/gms)]
        .filter(({ groups }) => groups?.['type'] === undefined && !/^\.\/[\w-]+\.ts$/.test(groups?.['to'] ?? ''))
        .map(([found]) => `${name}: ${found}`),
    )
    assert.deepEqual(wrong, [])
  })

  test('it uses no global that only Node has', () => {
    for (const [name, text] of files) {
      const code = text.replaceAll(/\/\*\*.*?\*\/|\/\/.*$/gms, '')
      assert.doesNotMatch(code, /\b(?:process|Buffer|global|setImmediate|require|__dirname|NodeJS)\b|\.unref\(/, name)
    }
  })
})
