import assert from 'node:assert/strict'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { createSlipway } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { aDeployment, anInstance, aRelease, aRequest } from '../contract/store/fixtures.ts'
import { describeOnPostgres, emptyDatabase, onServer } from '../support/postgres.ts'
import { cases } from './cases.ts'
import { startUser, type User } from './world.ts'

/** A data folder with something of most kinds in it; resolves to its store's id. */
async function filled({ home }: User): Promise<{ data: string; storeId: string; instanceId: string }> {
  const data = join(home, 'data')
  const store = await sqliteStore({ path: join(data, 'slipway.db') })
  const instance = anInstance()
  await store.instances.insert(instance)
  const release = aRelease(instance, await store.deploys.nextReleaseVersion('acme', instance.id))
  await store.deploys.insertRelease(release)
  await store.deploys.insertDeployment(aDeployment(instance, { releaseId: release.id, notes: 'a\0b' }), aRequest)
  await store.events.append({ type: 'deploy.queued', tenantId: 'acme', instanceId: instance.id })
  await store.work.registerWorker('dead')
  await store.work.claim('dead', instance.id)
  const { storeId } = store
  await store.close()
  return { data, storeId, instanceId: instance.id }
}

describeOnPostgres('moving', () =>
  cases('move', {
    async happy(t) {
      const user = await startUser(t)
      const { data, storeId, instanceId } = await filled(user)
      const url = await emptyDatabase(t)
      const env = { SLIPWAY_DATABASE_URL: url }
      const moved = await user.call(['move', '--data', data, '--json'], { env })
      assert.equal(moved.code, 0, moved.err)
      const told = JSON.parse(moved.out) as { store_id: string; was_there: boolean; tables: Record<string, number> }
      assert.deepEqual([told.store_id, told.was_there, told.tables['deployments']], [storeId, false, 1])
      assert.equal(existsSync(join(data, 'slipway.db')), false)
      const rows = await onServer(url, 'select id, epoch, owner, wake_at from instances')
      assert.deepEqual(rows, [{ id: instanceId, epoch: '1', owner: null, wake_at: '0' }])

      // The one before was interrupted after its commit: the file has its name still.
      renameSync(join(data, 'slipway.db.moved'), join(data, 'slipway.db'))
      const again = await user.call(['move', '--data', data, '--database-url-stdin'], { stdin: `${url}\n` })
      assert.equal(again.code, 0, again.err)
      assert.match(again.out, /rows of \d+ tables are in .* already/)

      await assert.rejects(createSlipway({ dataDir: data }), /was moved to PostgreSQL, and no database is named/)
      const slipway = await createSlipway({ dataDir: data, database: url, worker: false })
      try {
        assert.equal(slipway.store.storeId, storeId)
        assert.equal(await slipway.store.deploys.nextReleaseVersion('acme', instanceId), 2)
        const event = await slipway.store.events.append({ type: 'deploy.started', tenantId: 'acme', instanceId })
        assert.equal(event.seq, 2)
      } finally {
        await slipway.close()
        const { stopProxy } = await import('../../src/index.ts')
        await stopProxy(data)
      }
    },
    async empty(t) {
      const user = await startUser(t)
      const { code, err } = await user.call(['move', '--to', await emptyDatabase(t)])
      assert.equal(code, 5)
      assert.match(err, /There is no slipway\.db in .*: there is nothing to move/)
    },
    async refused(t) {
      const user = await startUser(t)
      const { data } = await filled(user)
      assert.equal((await user.call(['move', '--data', data])).code, 2, 'no database is named')
      const url = await emptyDatabase(t)
      const held = await sqliteStore({ path: join(data, 'slipway.db') })
      const busy = await user.call(['move', '--data', data, '--to', url])
      assert.match(busy.err, /is in use by process \d+/)
      await held.close()
      await onServer(url, 'create table users (id int)')
      const full = await user.call(['move', '--data', data, '--to', url])
      assert.equal(full.code, 6)
      assert.match(full.err, /is not empty: it has users/)
      assert.ok(existsSync(join(data, 'slipway.db')))
      assert.deepEqual(await onServer(url, "select count(*)::int as n from pg_tables where schemaname = 'public'"), [
        { n: 1 },
      ])
    },
    async failed(t) {
      const user = await startUser(t)
      const { data } = await filled(user)
      const { code, err } = await user.call(['move', '--data', data, '--to', 'postgres://nobody@127.0.0.1:1/none'])
      assert.equal(code, 1)
      assert.match(err, /does not answer/)
      assert.ok(existsSync(join(data, 'slipway.db')))
    },
    interrupted: { none: 'Ctrl-C ends the process as it ends any: the database takes back what was not committed' },
  }),
)
