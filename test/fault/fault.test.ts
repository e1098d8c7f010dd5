import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Stores } from '../../src/deploy/work.ts'
import { faultyProvider, faultyRouter } from '../../src/fault/calls.ts'
import type { FaultHook, FaultPoint } from '../../src/fault/point.ts'
import { faultyStore } from '../../src/fault/store.ts'
import { fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import type { Provider } from '../../src/provider/provider.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

async function storeWith(t: TestContext, hook: FaultHook) {
  const plain = await sqliteStore({ path: ':memory:' })
  t.after(() => plain.close())
  return { plain, store: faultyStore(plain, hook) }
}

const noted = { type: 'secret.rotated', tenantId: 'acme' } as const

async function writeTwice(tx: Stores): Promise<void> {
  await tx.work.registerWorker('wrk_1')
  await tx.events.append(noted)
  await tx.events.append(noted)
}

describe('fault points of a store', () => {
  test('a transaction has one before and one after its commit, named by its writes, a row of equal ones once', async t => {
    const points: FaultPoint[] = []
    const { plain, store } = await storeWith(t, point => points.push(point))
    await store.transaction(async tx => {
      await tx.work.living()
      await writeTwice(tx)
      assert.equal(points.length, 0)
    })
    assert.deepEqual(
      points.map(point => point.name),
      ['before commit[work.registerWorker,events.append]', 'after commit[work.registerWorker,events.append]'],
    )
    assert.deepEqual(points[1]?.args[2], { call: 'events.append', args: [noted] })
    assert.equal(await plain.events.lastSeq(), 2)
  })

  test('a write outside of one is a commit of its own, and what only reads is none', async t => {
    const names: string[] = []
    const { store } = await storeWith(t, ({ name }) => names.push(name))
    await store.work.registerWorker('wrk_1')
    await store.events.recent({ limit: 1 })
    await store.transaction(async tx => await tx.work.takenPorts())
    assert.deepEqual(names, ['before work.registerWorker', 'after work.registerWorker'])
  })

  test('one that breaks before the commit leaves nothing, one that breaks after it leaves everything', async t => {
    let broken = ''
    const { plain, store } = await storeWith(t, ({ when }) => {
      if (when === broken) throw new Error(`broken ${when}`)
    })
    broken = 'before'
    await assert.rejects(store.transaction(writeTwice), /broken before/)
    assert.equal(await plain.events.lastSeq(), 0)
    broken = 'after'
    await assert.rejects(store.transaction(writeTwice), /broken after/)
    assert.equal(await plain.events.lastSeq(), 2)
  })

  test('a transaction that fails by itself has none', async t => {
    const names: string[] = []
    const { store } = await storeWith(t, ({ name }) => names.push(name))
    const failing = store.transaction(async tx => {
      await writeTwice(tx)
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    assert.deepEqual(names, [])
  })
})

describe('fault points of a provider and a router', () => {
  test('each call that changes something has two, what only asks has none', async () => {
    const names: string[] = []
    const provider = faultyProvider(fakeProvider(), ({ name }) => names.push(name))
    const router = faultyRouter(fakeRouter(), ({ name }) => names.push(name))
    await provider.observe('inst_1')
    await provider.check()
    await router.observe('inst_1')
    await router.allocatePort(new Set())
    await provider.resolve('fake:web-1')
    await router.drain('inst_1', [], 10, new AbortController().signal)
    assert.deepEqual(names, [
      'before provider.resolve',
      'after provider.resolve',
      'before router.drain',
      'after router.drain',
    ])
  })

  test('a method that the port gets tomorrow is a point by itself', async () => {
    const names: string[] = []
    const tomorrow = { ...fakeProvider(), defragment: async () => 7 }
    const provider = faultyProvider(tomorrow, ({ name }) => names.push(name)) as Provider & typeof tomorrow
    assert.equal(await provider.defragment(), 7)
    assert.deepEqual(names, ['before provider.defragment', 'after provider.defragment'])
  })

  test('a call that fails has no point after it, and one that is broken before it is not made', async () => {
    const names: string[] = []
    let broken = false
    const platform = fakeProvider()
    const provider = faultyProvider(platform, ({ name }) => {
      names.push(name)
      if (broken) throw new Error('broken')
    })
    platform.world.image('fake:gone', { unavailable: 'resolve' })
    await assert.rejects(provider.resolve('fake:gone'), { code: 'image_unavailable' })
    assert.deepEqual(names, ['before provider.resolve'])
    broken = true
    await assert.rejects(provider.resolve('fake:gone'), /broken/)
  })

  test('what a platform cannot do stays absent, and what is no method is the same', () => {
    const { exec, ...without } = fakeProvider()
    void exec // because this platform runs no commands
    const provider = faultyProvider(without, () => {})
    assert.equal(provider.exec, undefined)
    assert.equal(provider.capabilities, without.capabilities)
  })
})
