import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { commandLineOf, hasProc, processStat } from '../../../src/provider/process/proc.ts'
import { listedProcess, listedProcesses, parseListing } from '../../../src/provider/process/ps.ts'

const noPs = spawnSync('ps', ['-A', '-o', 'pid=']).status === 0 ? false : 'ps is not installed'

describe('processes as ps lists them, for systems without /proc', { skip: noPs }, () => {
  test('are those that /proc has', { skip: hasProc ? false : 'there is no /proc' }, async t => {
    const script = 'setInterval(() => {}, 1e6); process.stdout.write("up")'
    const child = spawn(process.execPath, ['--eval', script, 'a word', '  two'], { detached: true })
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const pid = child.pid ?? 0
    const [listed, stat] = [listedProcess(pid), processStat(pid)]
    assert.equal(listed?.parent, process.pid)
    assert.deepEqual([listed.pid, listed.group], [stat?.pid, stat?.group])
    assert.equal(listed.command, commandLineOf(pid)?.split('\0').slice(0, -1).join(' '))
    assert.ok(Math.abs(Date.parse(listed.started) - Date.now()) < 10_000 + new Date().getTimezoneOffset() * 60_000)
    assert.equal(listedProcess(pid)?.started, listed.started)
    child.kill('SIGKILL')
    await once(child, 'close')
    listedProcesses(performance.now() + 1000)
    assert.equal(listedProcess(pid), undefined)
  })

  test('of macOS are read as well', () => {
    const text = [
      '    1     0     1 Ss   Sat Nov 21 08:00:01 2026     /sbin/launchd',
      '  612   598   612 S+   Tue Nov  3 18:03:08 2026     node /opt/slipway/bin/slipway.js up',
      '  613   612   612 Z    Tue Nov 24 18:03:08 2026     (node)',
      '',
    ].join('\n')
    const found = parseListing(text)
    assert.deepEqual([...found.keys()], [1, 612, 613])
    const { parent, group, state, started, command } = found.get(612) ?? {}
    assert.deepEqual([parent, group, state, started], [598, 612, 'S', 'Tue Nov  3 18:03:08 2026'])
    assert.equal(command?.trim(), 'node /opt/slipway/bin/slipway.js up')
    assert.equal(found.get(613)?.state, 'Z')
  })
})
