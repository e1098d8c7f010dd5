import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { dataPaths } from '../../src/provider/process/paths.ts'
import { namesIn, type ReplicaRecord, readRecord } from '../../src/provider/process/record.ts'
import { web, worker } from '../support/services.ts'
import { violationsOf } from './invariants.ts'
import { other, type Scenario, scenarios, setStage } from './scenario.ts'
import { type Site, startSite } from './site.ts'
import { instances, play } from './trial.ts'

describe('a control plane in a process of its own', () => {
  let site: Site
  let shop = ''
  before(async () => {
    site = await startSite()
    shop = await shopOn(site)
  })
  after(() => site.dispose())

  test('dies at the moment it was told, with what comes after it undone, and the next one goes on', async () => {
    const image = await site.server('2')
    site.plane.dieAt({ name: 'after provider.start', occurrence: 1 })
    const id = await site.plane.order({
      kind: 'deploy',
      request: { instanceId: shop, services: [{ name: 'web', image }] },
    })
    await site.plane.gone
    assert.equal((await site.books.deployment(id))?.state, 'running')
    assert.match((await site.books.steps(id)).at(-1)?.step.name ?? '', /run 1 of web/)
    await site.restart()
    assert.equal((await site.ended(id)).state, 'succeeded')
    assert.deepEqual(await site.violations([shop]), [])
  })

  test('dies at a moment of its start', async () => {
    assert.equal(await site.restart({ name: 'before work.registerWorker', occurrence: 1 }), false)
    assert.equal(await site.restart(), true)
    assert.deepEqual(await site.violations([shop]), [])
  })

  test('tells of the points it passed, those of the ports of its replicas too', async () => {
    await site.plane.passed()
    await site.ended(await site.plane.order({ kind: 'restart', instanceId: shop }))
    const names = await site.plane.passed()
    for (const name of ['before provider.start', 'after router.apply', 'before work.reservePort', 'after router.drain'])
      assert.ok(names.includes(name), `${name} is not among ${[...new Set(names)].join(', ')}`)
    assert.ok(names.some(name => name.startsWith('before commit[deploys.insertDeployment')))
  })
})

test('what an instance left that was there before a trial, and was deleted in it, is noticed', async t => {
  const site = await startSite()
  t.after(() => site.dispose())
  const stage = await setStage(site)
  await play(stage, scenarioOf('create'))
  const beside = (await other(stage)) ?? ''
  const { wrong } = await play(stage, scenarioOf('delete'))
  assert.deepEqual(wrong, [])
  await mkdir(dataPaths(site.dataDir).instance(beside).replicas, { recursive: true })
  const told = await violationsOf(site, await instances(stage, beside), 200)
  assert.match(told.join('\n'), new RegExp(`the deleted ${beside} left replicas`))
})

describe('the invariants notice', () => {
  let site: Site
  let shop = ''
  const wrong = () => violationsOf(site, [shop], 200)
  before(async () => {
    site = await startSite()
    shop = await shopOn(site)
    assert.deepEqual(await site.violations([shop]), [])
    await site.plane.kill()
  })
  after(() => site.dispose())

  test('a process that belongs to nobody', async () => {
    const stray = spawn('sleep', ['60'], { cwd: site.dataDir, detached: true, stdio: 'ignore' })
    await once(stray, 'spawn')
    assert.match((await wrong()).join(), /the process group \d+ belongs to nobody/)
    stray.kill('SIGKILL')
    await once(stray, 'exit')
    assert.deepEqual(await wrong(), [])
  })

  const edits: readonly { what: string; sql: string; back: string; sentence: RegExp }[] = [
    {
      what: 'a lease that is left',
      sql: "update instances set owner = 'wrk_1'",
      back: 'update instances set owner = null',
      sentence: /wrk_1 has the lease/,
    },
    {
      what: 'a port that nobody has',
      sql: "insert into ports select 1, id, 'route:db' from instances",
      back: 'delete from ports where port = 1',
      sentence: /1 \S+ route:db is reserved/,
    },
    {
      what: 'a port that is not reserved any more',
      sql: 'update ports set port = port + 50000',
      back: 'update ports set port = port - 50000',
      sentence: /is held, and not reserved/,
    },
    {
      what: 'a deployment that has not ended',
      sql: "update deployments set state = 'running' where kind = 'provision'",
      back: "update deployments set state = 'succeeded' where kind = 'provision'",
      sentence: /provision \S+ is running/,
    },
    {
      what: 'an end that was never told',
      sql: "update events set type = 'deploy.progress' where type = 'deploy.succeeded'",
      back: 'delete from events',
      sentence: /has the events deploy.queued/,
    },
    {
      what: 'a release that is not active any more',
      sql: 'update releases set active = 0',
      back: 'update releases set active = 1',
      sentence: /active is , the instance has rel_/,
    },
    {
      what: 'a gap between the versions',
      sql: 'update releases set version = 7',
      back: 'update releases set version = 1',
      sentence: /the versions are 7/,
    },
    {
      what: 'a step that was not performed',
      sql: 'update steps set position = position + 100',
      back: 'update steps set position = position - 100',
      sentence: /other steps than it had planned/,
    },
    {
      what: 'a step that was left behind',
      sql: "update steps set state = 'begun' where position = 0",
      back: "update steps set state = 'done' where position = 0",
      sentence: /left a step behind/,
    },
    {
      what: 'a table that wants something else',
      sql: "update instances set wanted = '[]'",
      back: 'delete from steps',
      sentence: /belongs to no row/,
    },
  ]
  for (const { what, sql, back, sentence } of edits) {
    test(what, async () => {
      write(site, sql)
      assert.match((await wrong()).join('\n'), sentence)
      write(site, back)
    })
  }

  test('a replica that died', async () => {
    const { replicas } = dataPaths(site.dataDir).instance(shop)
    for (const file of namesIn(replicas).filter(name => name.endsWith('.json'))) {
      process.kill(-(readRecord(join(replicas, file)) as ReplicaRecord).pid, 'SIGKILL')
    }
    assert.match((await wrong()).join('\n'), /0 of 1 run|belongs to no row/)
  })
})

function scenarioOf(name: string): Scenario {
  return scenarios.find(scenario => scenario.name === name) ?? assert.fail(`there is no scenario ${name}`)
}

/** Changes the store of a site whose control plane is dead. */
function write({ dataDir }: Site, sql: string): void {
  const database = new DatabaseSync(join(dataDir, 'slipway.db'))
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}

/** A shop that is up: web, routed, and a worker. */
async function shopOn(site: Site): Promise<string> {
  const services = [web(await site.server('1')), worker(await site.worker('1'))]
  const created = await site.plane.order({ kind: 'create', request: { name: 'shop', services } })
  const { state, instanceId } = await site.ended(created)
  assert.equal(state, 'succeeded')
  return instanceId
}
