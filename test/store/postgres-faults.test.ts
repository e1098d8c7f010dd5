import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isSlipwayError, type SlipwayError } from '../../src/errors.ts'
import { requireFit } from '../../src/store/postgres/server.ts'
import { postgresStore } from '../../src/store/postgres.ts'
import { anInstance } from '../contract/store/fixtures.ts'
import { describeOnServer, onServer } from '../support/postgres.ts'
import { type PostgresServer, startServer } from '../support/postgres-server.ts'
import { cuttingSocket } from './cutting-socket.ts'

describeOnServer('PostgreSQL that does not do as it should', () => {
  let server: PostgresServer
  before(async () => {
    server = await startServer()
    await onServer(server.url('postgres'), 'create database slipway')
  })
  after(() => server.dispose())

  test('that is not there, refuses us, or has no such database is told with what to do, and without the password', async () => {
    const nobody = await closedPort()
    await refused({ url: `postgres://ana:opensesame@127.0.0.1:${nobody}/slipway` }, 'unavailable', /Start it/)
    await onServer(server.url('postgres'), `create role ana login password 'opensesame'`)
    await withPasswords(server, async () => {
      const url = (password: string) =>
        server.url('slipway').replace('postgres://postgres@', `postgres://ana:${password}@`)
      await refused({ url: url('openbarley') }, 'invalid_request', /user and password/)
      await refused({ url: url('opensesame') }, 'unavailable', /schema|database/)
    })
    await refused({ url: server.url('nothing') }, 'invalid_request', /createdb/)
    for (const url of ['mysql://db/slipway', 'opensesame', 'postgres://ana:open sesame@@db:x/slipway']) {
      await refused({ url }, 'invalid_request', /postgres:\/\//)
    }
    await refused({ url: server.url('slipway'), maxConnections: 1 }, 'invalid_request', /connections/)
  })

  test('that is too old, has no UTF8, or only follows another one is refused', async () => {
    const fit = { version: 180_004, standby: false, encoding: 'UTF8' }
    requireFit(fit, 'db')
    assert.throws(() => requireFit({ ...fit, version: 130_012 }, 'db'), told('invalid_request', /Upgrade/))
    assert.throws(() => requireFit({ ...fit, standby: true }, 'db'), told('unavailable', /primary/))
    await onServer(server.url('postgres'), `create database latin encoding 'SQL_ASCII' template template0`)
    await refused({ url: server.url('latin') }, 'invalid_request', /UTF8/)
  })

  test('that is restarted is used again, and what it cut is told as unavailable', async t => {
    const store = await postgresStore({ url: server.url('slipway') })
    t.after(() => store.close())
    await store.work.registerWorker('w1')
    const cut = store.transaction(async tx => {
      await tx.instances.insert(anInstance({ name: 'cut' }))
      await server.stop()
      await tx.instances.insert(anInstance({ name: 'never' }))
    })
    await assert.rejects(cut, told('unavailable', /goes on by itself/))
    await assert.rejects(store.instances.list('acme'), told('unavailable', /Start it/))
    await assert.rejects(store.work.beat('w1'), told('unavailable', /Start it/))
    await server.start()
    assert.deepEqual((await store.instances.list('acme')).items, [])
    assert.equal(await store.work.beat('w1'), true)
    // Without a moment in between: connections that lay idle meanwhile are as dead as the one that was cut.
    await Promise.all(Array.from({ length: 8 }, async (_, n) => await store.instances.bySlug('acme', `n${n}`)))
    await server.stop()
    await server.start()
    await store.transaction(async tx => await tx.instances.insert(anInstance({ name: 'after' })))
    assert.equal((await store.instances.list('acme')).total, 1)
  })

  test('a commit whose answer was cut off is told as of unknown outcome, never as failed', async t => {
    const socket = await cuttingSocket(join(server.folder, '.s.PGSQL.5432'))
    t.after(() => socket.close())
    const store = await postgresStore({ url: socket.url('slipway') })
    t.after(() => store.close())
    const unknown = (error: unknown) =>
      isSlipwayError(error, 'unavailable') &&
      error.details?.['outcome'] === 'unknown' &&
      /Look whether/.test(error.next ?? '')
    for (const [name, kept] of [
      ['answered', 1],
      ['asked', 0],
    ] as const) {
      const instance = anInstance({ tenantId: name })
      socket.cutAt('commit', name)
      await assert.rejects(
        store.transaction(async tx => await tx.instances.insert(instance)),
        unknown,
      )
      assert.equal((await store.instances.list(name)).items.length, kept, name)
      // One statement alone is committed with itself.
      socket.cutAt('insert into "ports"', name)
      await assert.rejects(store.work.reservePort(8_000 + kept, instance.id, name), unknown)
      assert.equal((await store.work.takenPorts()).size, 1, name)
    }
    // Of a transaction that was not begun nothing was asked: it is begun over another connection.
    socket.cutAt('begin', 'asked')
    await store.transaction(async tx => await tx.instances.insert(anInstance({ tenantId: 'begun' })))
    assert.equal((await store.instances.list('begun')).items.length, 1)
    // What only reads has no outcome, and what was not committed is not there.
    socket.cutAt('select', 'asked')
    const failed = (error: unknown) => isSlipwayError(error, 'unavailable') && error.details === undefined
    await assert.rejects(store.instances.get('acme', 'inst_1'), failed)
    const late = anInstance({ tenantId: 'late' })
    socket.cutAt('insert into "counters"', 'answered')
    await assert.rejects(
      store.transaction(async tx => await tx.instances.insert(late)),
      failed,
    )
    assert.equal((await store.instances.list('late')).items.length, 0)
  })
})

async function refused(
  options: Parameters<typeof postgresStore>[0],
  code: SlipwayError['code'],
  next: RegExp,
): Promise<void> {
  await assert.rejects(postgresStore(options), (error: unknown) => {
    assert.ok(isSlipwayError(error), String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.next ?? '', next)
    assert.doesNotMatch(`${error.message} ${error.next}`, /sesame|barley/)
    return true
  })
}

function told(code: SlipwayError['code'], next: RegExp): (error: unknown) => boolean {
  return error => isSlipwayError(error, code) && next.test(error.next ?? '')
}

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

/** While `work` runs the server asks everybody but its owner for a password. */
async function withPasswords(server: PostgresServer, work: () => Promise<void>): Promise<void> {
  const file = join(server.folder, 'data', 'pg_hba.conf')
  const before = readFileSync(file, 'utf8')
  const reload = () => onServer(server.url('postgres'), 'select pg_reload_conf()')
  writeFileSync(file, 'local all postgres trust\nlocal all all scram-sha-256\n')
  await reload()
  try {
    await work()
  } finally {
    writeFileSync(file, before)
    await reload()
  }
}
