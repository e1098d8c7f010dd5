import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { Client } from 'pg'
import type { Clock } from '../../src/clock.ts'
import type { Page } from '../../src/deploy/store.ts'
import type { Store } from '../../src/deploy/work.ts'
import { connectionsOf } from '../../src/store/postgres/connections.ts'
import { postgresDialect } from '../../src/store/postgres/dialect.ts'
import { postgresDriver } from '../../src/store/postgres/driver.ts'
import { hintsOver } from '../../src/store/postgres/hints.ts'
import { postgresFlavour } from '../../src/store/postgres.ts'
import { mostCounted } from '../../src/store/sql/page.ts'
import { sqlStore } from '../../src/store/sql/store.ts'
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts'
import { sqliteDriver } from '../../src/store/sqlite/driver.ts'
import { sqliteFlavour } from '../../src/store/sqlite.ts'
import { anInstance, handClock } from '../contract/store/fixtures.ts'
import { emptyDatabase, onPostgres, onServer } from '../support/postgres.ts'
import { hotActs } from './scale/acts.ts'
import { big, fill, newestMs } from './scale/fill.ts'
import { scansOf } from './scale/postgres-plan.ts'
import { recorded, type Sent } from './scale/record.ts'
import { wideScans } from './scale/sqlite-plan.ts'

const deployments = process.env['SLIPWAY_TEST_FULL'] ? 1_000_000 : 30_000
const filled = { deployments, instances: deployments / 20 }

/** As far as a list of everything is counted, and one more. */
const counted = mostCounted + 1

/** What is read as a whole is small, however much there is. */
const small = new Set(['workers', 'outbox', 'webhooks', 'cursors', 'meta', 'tenants', 'watches'])

test('on SQLite no act reads all of a table that grows, nor all of a tenant to sort it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-plans-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'slipway.db')
  const sent: Sent[] = []
  const driver = sqliteDriver(() => new DatabaseSync(path))
  const store = await sqlStore({
    dialect: sqliteDialect(recorded(driver, statement => sent.push(statement))),
    urgent: sqliteDialect(recorded(driver.urgent, statement => sent.push(statement))),
    flavour: sqliteFlavour,
    clock: handClock(newestMs),
    close: () => driver.destroy(),
  })
  t.after(() => store.close())
  const database = new DatabaseSync(path)
  t.after(() => database.close())
  const tables = database.prepare(`select name from sqlite_schema where type = 'table'`).all()
  const large = new Set(tables.map(row => String(row['name'])).filter(name => !small.has(name)))
  await store.instances.insert(anInstance({ id: big.instanceId, tenantId: big.tenantId }))
  const faults: string[] = []
  for (const { what, act } of hotActs(filled, counted)) {
    sent.length = 0
    await act(store).catch((error: unknown) => void error) // because there are no rows for some of them: what they send first is looked at
    for (const statement of sent.splice(0)) {
      for (const step of wideScans(database, statement, large)) faults.push(`${what}: ${step}: ${statement.sql}`)
    }
  }
  assert.deepEqual(faults, [])
})

onPostgres(() => {
  test(`on PostgreSQL with ${deployments} deployments every act finds its rows by an index of just these`, async t => {
    const url = await emptyDatabase(t)
    const sent: Sent[] = []
    const store = await recordingStore(url, handClock(newestMs), statement => sent.push(statement))
    const client = new Client({ connectionString: url })
    const faults: string[] = []
    let all: Page<unknown> | undefined
    try {
      await onServer(url, ...fill(filled))
      await client.connect()
      for (const { what, act, rows: most = 1_500 } of hotActs(filled, counted)) {
        sent.length = 0
        await act(store)
        assert.ok(sent.length > 0, `${what} sends something`)
        // One that only adds a row finds none.
        for (const statement of sent.splice(0).filter(({ sql }) => !/^insert into \S+ \(.*\) values /.test(sql))) {
          for (const { table, by, rows } of await scansOf(client, statement)) {
            if (small.has(table)) continue
            // Of a list of everything a bounded count may read the first rows as they lie.
            if (by === 'Seq Scan' && (most !== counted || rows > most))
              faults.push(`${what}: reads all of ${table}: ${statement.sql}`)
            else if (rows > most) faults.push(`${what}: looks at ${rows} rows of ${table} by ${by}: ${statement.sql}`)
          }
        }
      }
      all = await store.deploys.findDeployments(big.tenantId, { limit: 1 })
    } finally {
      await Promise.all([client.end(), store.close()])
    }
    assert.deepEqual([all.total, all.totalIsAtLeast], [mostCounted, true])
    assert.deepEqual(faults, [])
  })
})

async function recordingStore(url: string, clock: Clock, told: (statement: Sent) => void): Promise<Store> {
  const connections = await connectionsOf({ url })
  const driver = postgresDriver(connections)
  const hints = hintsOver(connections.listener)
  return await sqlStore({
    dialect: postgresDialect(recorded(driver, told)),
    urgent: postgresDialect(recorded(driver.urgent, told)),
    flavour: postgresFlavour(hints),
    clock,
    close: async () => {
      await Promise.all([driver.destroy(), hints.close()])
    },
  })
}
