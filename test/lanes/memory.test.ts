import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'

describe('temporary folders of tests', () => {
  const { TMPDIR: ours, ...unchosen } = process.env

  test('are in a folder of the run, in memory where there is some, which is gone after it', () => {
    const folder = folderOf(unchosen)
    assert.ok(folder === tmpdirWithout() || dirname(folder) === '/dev/shm', folder)
    if (folder !== tmpdirWithout()) assert.equal(existsSync(folder), false)
  })

  test('are where TMPDIR says, if it says so', () => {
    const chosen = ours ?? tmpdir()
    assert.equal(folderOf({ ...unchosen, TMPDIR: chosen }), chosen)
    assert.equal(existsSync(chosen), true)
  })

  /** Where a process of its own has its temporary folders, once it asked for them to be in memory. */
  function folderOf(env: NodeJS.ProcessEnv): string {
    const asked = `
      import { tmpdir } from 'node:os'
      import { keepFilesInMemory } from ${JSON.stringify(new URL('./memory.ts', import.meta.url).href)}
      keepFilesInMemory()
      process.stdout.write(tmpdir())`
    return execFileSync(process.execPath, ['--input-type=module', '--eval', asked], { env, encoding: 'utf8' })
  }

  function tmpdirWithout(): string {
    return execFileSync(process.execPath, ['--print', 'os.tmpdir()'], { env: unchosen, encoding: 'utf8' }).trim()
  }
})
