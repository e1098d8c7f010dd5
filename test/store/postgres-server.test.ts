import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { noServer } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

test('the PostgreSQL of tests ends with them, and leaves nothing, though they are killed', {
  skip: noServer() ?? false,
}, async t => {
  const owner = fork(join(import.meta.dirname, 'postgres-owner.ts'), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.after(() => owner.kill('SIGKILL'))
  const [{ folder }] = (await once(owner, 'message')) as [{ folder: string }]
  const server = Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0])
  assert.ok(existsSync(`/proc/${server}`))
  owner.kill('SIGKILL')
  await until('PostgreSQL and its folder are gone', () => !existsSync(`/proc/${server}`) && !existsSync(folder))
})
