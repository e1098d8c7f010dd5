import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { sqliteStore } from '../../src/store/sqlite.ts'

test('the deployments of one instance are found by its own index, not among all of its tenant', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-plans-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'slipway.db')
  await (await sqliteStore({ path })).close()
  const database = new DatabaseSync(path)
  t.after(() => database.close())
  const list = `select * from deployments where instance_id = 'i' and tenant_id = 't' and kind in ('deploy') order by seq desc limit 21`
  const [plan] = database.prepare(`explain query plan ${list}`).all()
  assert.match(String(plan?.['detail']), /INDEX deployments_of_instance \(tenant_id=\? AND instance_id=\?\)/)
})
