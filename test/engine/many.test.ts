import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { awakeAtMost } from '../../src/engine/reconciler.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type FakeRouter, fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import { createSlipway } from '../../src/slipway.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type House, house, web } from './harness.ts'
import { names, running } from './look.ts'

test('more instances than keepers that are awake', async t => {
  const h = await house(t)
  const shops = await many(h, awakeAtMost + 30)

  await t.test(
    'are each watched: what crashes is healed, what is sick leaves the routes, forgotten routes come back',
    async () => {
      // Long enough for all to have been looked at, and to sleep.
      await h.clock.advance(5_000)
      const [crashed, sick, lost] = [shops[0], shops[1], shops[2]] as [Instance, Instance, Instance]
      h.world.crash(crashed.id, names(h, crashed.id, 'web')[0] ?? '')
      await h.when(() => (running(h, crashed.id).web ?? []).length === 1, 20_000)
      h.world.setCondition(sick.id, names(h, sick.id, 'web')[0] ?? '', 'sick')
      await h.when(() => serving(h.router, sick.id) === 0, 30_000)
      h.world.setCondition(sick.id, names(h, sick.id, 'web')[0] ?? '', 'scripted')
      await h.when(() => serving(h.router, sick.id) === 1, 30_000)
      h.router.proxy.tables.delete(lost.id)
      await h.when(() => serving(h.router, lost.id) === 1, 120_000)
    },
  )

  await t.test('sleep, are woken by a death, and know who had been there', async () => {
    await h.clock.advance(5000)
    const [asleep = ''] = await readAgain(h)
    const [died = ''] = names(h, asleep, 'web')
    h.world.crash(asleep, died)
    const healed = async () =>
      (await h.events({ instanceId: asleep })).findLast(
        ({ type, data }) => type === 'instance.healed' && JSON.stringify(data?.['replaces']).includes(died),
      )
    await h.when(async () => (await healed()) !== undefined, 20_000)
    assert.equal(running(h, asleep).web?.length, 1)
  })

  await t.test('do not sleep where nobody could ask for their routes', async () => {
    await h.clock.advance(5000)
    assert.notDeepEqual(await readAgain(h), [])
    h.router.unreachable = true
    h.router.restart()
    await h.clock.advance(5000)
    assert.deepEqual(await readAgain(h), [])
  })
})

/** Those that are read from the store within five seconds in which nothing happens: what an instance wants is forgotten only in sleep. */
async function readAgain(h: House): Promise<string[]> {
  const { load } = h.store.work
  const read: string[] = []
  h.store.work.load = id => {
    read.push(id)
    return load(id)
  }
  await h.clock.advance(5000)
  h.store.work.load = load
  return read
}

test('instances that come up together are each offered a port of their own, once', async t => {
  const router = fakeRouter()
  let offers = 0
  const allocatePort = router.allocatePort.bind(router)
  router.allocatePort = taken => {
    offers++
    return allocatePort(taken)
  }
  const h = await house(t, { router })
  const shops = await many(h, 40)
  assert.equal(offers, 40)
  const ports = shops.map(async ({ id }) => Object.values((await h.store.work.load(id))?.ports ?? {}))
  assert.equal(new Set((await Promise.all(ports)).flat()).size, 40)
})

test('a disk that takes a third of a second for each flush costs no lease', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-many-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  let slow = false
  const beforeFlush = (): void => {
    if (slow) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  }
  const store = await sqliteStore({ path: join(folder, 'slipway.db'), beforeFlush })
  const warnings: string[] = []
  const log = { info: () => {}, warn: (_: object, text: string) => void warnings.push(text) }
  const parts = { dataDir: folder, store, providers: [fakeProvider()], router: fakeRouter(), log }
  const slipway = await createSlipway(parts)
  t.after(() => slipway.close())
  const acme = slipway.as({ tenantId: 'acme', subject: 'ana' })
  slow = true
  const ends = Array.from({ length: 10 }, async (_, n) => {
    const { deployment } = await acme.instances.create({ name: `shop-${n}`, services: [web('fake:web-1')] })
    return (await acme.finished(deployment.id)).state
  })
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(['succeeded']))
  slow = false
  assert.deepEqual(warnings, [])
})

/** So many instances of one replica each, up and at rest. */
async function many(h: House, count: number): Promise<Instance[]> {
  const made = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      h.acme.instances.create({ name: `shop-${n}`, services: [web('fake:web-1')] }),
    ),
  )
  await h.when(async () => {
    const [next] = (await h.acme.instances.list({ limit: 1 })).items
    return next?.state === 'running' && h.router.proxy.tables.size === count && (await allRun(h))
  })
  return made.map(({ instance }) => instance)
}

async function allRun(h: House): Promise<boolean> {
  const { total } = await h.store.deploys.listByState('acme', ['pending', 'running'], { limit: 1 })
  return total === 0
}

function serving(router: FakeRouter, instanceId: string): number {
  const revisions = Object.values(router.proxy.tables.get(instanceId)?.services['web']?.revisions ?? {})
  return revisions.flatMap(({ endpoints }) => endpoints.filter(({ state }) => state === 'serving')).length
}
