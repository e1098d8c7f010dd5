import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'

describe('tests whose promises the runner does not note', () => {
  test('are not charged for them', t => {
    const { text, status } = runOf(
      t,
      `const at = () => new AsyncResource('mark').asyncId()
       test('awaits', async () => {
         const from = at()
         for (let count = 0; count < 1000; count++) await null
         assert.ok(at() - from < 1000)
       })`,
    )
    assert.equal(status, 0, text)
  })

  test('fail by a rejection that nobody takes, also one after they have ended', t => {
    for (const when of ['await null', 'await new Promise(resolve => setTimeout(resolve, 20))']) {
      const { status, text } = runOf(
        t,
        `test('forgets something', () => void forgotten())
         async function forgotten() { ${when}; throw new Error('lost on the way') }`,
      )
      assert.equal(status, 1, text)
      assert.match(text, /lost on the way[^]+lane\.mjs:\d+/)
    }
  })

  test('fail by what a timer of theirs throws', t => {
    const { status, text } = runOf(
      t,
      `test('waits', async () => {
         await null
         setTimeout(() => { throw new Error('lost on the way') }, 5)
         await new Promise(resolve => setTimeout(resolve, 200))
       })`,
    )
    assert.equal(status, 1, text)
    assert.match(text, /lost on the way[^]+lane\.mjs:\d+/)
  })
})

/** Runs tests in a process of their own, as a lane does. */
function runOf(t: TestContext, tests: string): { readonly status: number | null; readonly text: string } {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-unhooked-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const lane = new URL('./unhooked.ts', import.meta.url).href
  const file = join(folder, 'lane.mjs')
  writeFileSync(
    file,
    `import assert from 'node:assert/strict'
     import { AsyncResource } from 'node:async_hooks'
     import { test } from 'node:test'
     import { withoutPromiseHooks } from ${JSON.stringify(lane)}
     withoutPromiseHooks(() => {
       ${tests}
     })`,
  )
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env
  const ran = spawnSync(process.execPath, ['--test-reporter=tap', file], { env, encoding: 'utf8', timeout: 60_000 })
  return { status: ran.status, text: ran.stdout + ran.stderr }
}
