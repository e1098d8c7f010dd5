import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertNothingLeft, runExample } from './example.ts'

/** The exit code of an example that needs something from elsewhere that cannot be had right now. */
const unavailable = 69

test('npm run example:real moves http-server from one published version to the next and back, and loses nothing', async t => {
  const { code, lines, story, folder } = await runExample(t, 'real.ts')
  if (code === unavailable && process.env['CI'] === undefined) return t.skip(/The npm registry.*/.exec(story)?.[0])
  const summary = lines.at(-1)?.summary
  assert.ok(summary, story)
  assert.equal(summary.lost, 0, story)
  assert.ok(summary.requests > 1000, story)
  assert.deepEqual(
    summary.deployments.map(({ version, strategy, state }) => ({ version, strategy, state })),
    [
      { version: 1, strategy: 'initial', state: 'succeeded' },
      { version: 2, strategy: 'canary', state: 'rolled_back' },
      { version: 1, strategy: 'blue-green', state: 'succeeded' },
    ],
  )
  assert.equal(code, 0, story)
  assertNothingLeft(folder)
})
