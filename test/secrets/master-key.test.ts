import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { masterKey } from '../../src/secrets/master-key.ts'

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-key-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'data')
}

test('a master key is made on first use, for its owner alone, and read from then on', t => {
  const folder = aFolder(t)
  const made = masterKey({ folder, env: {} })
  assert.equal(made.length, 32)
  assert.equal(statSync(join(folder, 'master.key')).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder), ['master.key'])
  assert.deepEqual(masterKey({ folder, env: {} }), made)
})

test('the environment gives it as hex or base64, and then no file is made', t => {
  const folder = aFolder(t)
  const key = Buffer.alloc(32, 0xfb)
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    assert.deepEqual(masterKey({ folder, env: { SLIPWAY_MASTER_KEY: `${key.toString(encoding)}\n` } }), key)
  }
  assert.throws(() => statSync(folder))
})

test('a key that is none is refused without telling it, from either place', t => {
  const folder = aFolder(t)
  const refused = (error: unknown) =>
    isSlipwayError(error, 'invalid_request') && !error.message.includes('hunter2') && error.next !== undefined
  assert.throws(() => masterKey({ folder, env: { SLIPWAY_MASTER_KEY: 'hunter2' } }), refused)
  masterKey({ folder, env: {} })
  writeFileSync(join(folder, 'master.key'), '')
  assert.throws(() => masterKey({ folder, env: {} }), refused)
  assert.equal(readFileSync(join(folder, 'master.key'), 'utf8'), '')
})

test('a file that others can read is refused with the command that helps', {
  skip: process.platform === 'win32',
}, t => {
  const folder = aFolder(t)
  masterKey({ folder, env: {} })
  const path = join(folder, 'master.key')
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(path, mode)
    assert.throws(
      () => masterKey({ folder, env: {} }),
      error => isSlipwayError(error, 'invalid_request') && error.next?.includes(`chmod 600 ${path}`) === true,
    )
  }
})
