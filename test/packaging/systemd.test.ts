import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { textOf } from '../docs/markdown.ts'
import { isRequired } from '../support/part.ts'

const unit = 'packaging/systemd/slipway.service'

test('systemd finds nothing wrong with the unit', t => {
  if (spawnSync('systemd-analyze', ['--version']).error && !isRequired('systemd')) {
    return t.skip('systemd-analyze is not installed')
  }
  const folder = mkdtempSync(join(tmpdir(), 'slipway-unit-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'slipway.service')
  // The command is where it is once it is installed, and systemd looks.
  writeFileSync(file, textOf(unit).replace('/usr/local/bin/slipway', '/bin/true'))
  assert.equal(execFileSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8', stdio: 'pipe' }), '')
  writeFileSync(file, textOf(unit).replace('Restart=always', 'Restart=sometimes'))
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' })
  assert.match(stderr, /sometimes/, 'it does look')
})

test('the unit ends the control plane alone: replicas and the proxy serve on', () => {
  assert.match(textOf(unit), /^KillMode=process$/m)
})
