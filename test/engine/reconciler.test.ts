import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { EngineParts } from '../../src/engine/context.ts'
import { Reconciler } from '../../src/engine/reconciler.ts'
import { type FakeClock, type FakeRouter, fakeClock, fakeRouter } from '../../src/provider/fake/index.ts'

describe('the reconciler', () => {
  test('looks at all there are when it comes, then at a hundred a second in turn', async t => {
    const { clock, looks } = start(t, { living: 350 })
    await clock.advance(0)
    assert.equal(looks.length, 350)
    for (const seen of [450, 550, 650, 700]) {
      await clock.advance(1000)
      assert.equal(looks.length, seen)
    }
    assert.deepEqual(new Set(looks.slice(350)), new Set(looks.slice(0, 350)))
  })

  test('looks at once where something stirred, before any time has passed', async t => {
    const { clock, looks, reconciler } = start(t, { living: 350 })
    await clock.advance(100)
    looks.splice(0)
    reconciler.stir('i7')
    reconciler.stir('i7')
    await clock.advance(0)
    assert.deepEqual(looks, ['i7'])
  })

  test('looks at what died before all those that may have lost their routes, however slowly those are looked at', async t => {
    const { clock, looks, reconciler } = start(t, { living: 2000, slow: id => id !== 'i1999' })
    await clock.advance(60_000)
    for (let n = 0; n < 2000; n++) reconciler.doubt(`i${n}`)
    await clock.advance(10)
    looks.splice(0)
    reconciler.stir('i1999')
    reconciler.doubt('i1999')
    await clock.advance(200)
    assert.equal(looks.filter(id => id === 'i1999').length, 1)
    assert.ok(looks.length < 50, `${looks.length} others were looked at first`)
    await clock.advance(60_000)
    for (let n = 0; n < 1999; n++) assert.ok(looks.includes(`i${n}`), `i${n} was not looked at`)
  })

  test('looks at those that are awake every second', async t => {
    const { clock, looks } = start(t, { living: 350, restless: ['i300'] })
    await clock.advance(0)
    for (let second = 0; second < 3; second++) {
      looks.splice(0)
      await clock.advance(1000)
      assert.equal(looks.filter(id => id === 'i300').length, 1)
    }
  })

  test('goes on with the others when one can not be looked at, and says so', async t => {
    const { clock, looks, warnings } = start(t, { living: 20, broken: 'i3' })
    await clock.advance(0)
    assert.equal(looks.length, 20)
    assert.deepEqual(warnings, ['an instance could not be looked at'])
  })

  test('looks again, a second later, where a look failed: what stirred there is told only once', async t => {
    const { clock, looks, reconciler } = start(t, { living: 2000, broken: 'i1999' })
    await clock.advance(0)
    looks.splice(0)
    reconciler.stir('i1999')
    await clock.advance(1000)
    assert.equal(looks.filter(id => id === 'i1999').length, 2)
  })

  test('goes on when the router does not answer how it is, or not at all', async t => {
    const { clock, looks, router, warnings } = start(t, { living: 350, restless: ['i300'] })
    router.fault({ method: 'check', times: 2, error: true })
    router.fault({ method: 'check', answerMs: 60_000 })
    await clock.advance(0)
    assert.equal(looks.length, 350)
    for (let second = 0; second < 5; second++) {
      looks.splice(0)
      await clock.advance(1000)
      assert.equal(looks.filter(id => id === 'i300').length, 1)
    }
    assert.deepEqual(warnings, Array(2).fill('the router could not be asked how it is'))
  })
})

interface Scene {
  readonly living: number
  readonly restless?: readonly string[]
  readonly broken?: string
  /** Those whose look takes five seconds. */
  readonly slow?: (id: string) => boolean
}

interface Started {
  readonly clock: FakeClock
  readonly router: FakeRouter
  readonly reconciler: Reconciler
  readonly looks: string[]
  readonly warnings: string[]
}

/** A reconciler at work, with what it looked at. */
function start(t: TestContext, { living, restless = [], broken, slow = () => false }: Scene): Started {
  const clock = fakeClock()
  const router = fakeRouter({ clock })
  const looks: string[] = []
  const warnings: string[] = []
  const ids = Array.from({ length: living }, (_, n) => `i${n}`)
  const parts = {
    clock,
    router,
    store: { work: { living: async () => [...ids] } },
    mask: (_: string, line: string) => line,
    log: { info: () => {}, warn: (_: object, text: string) => void warnings.push(text) },
  } as unknown as EngineParts
  const reconciler = new Reconciler(parts, {
    restless: () => restless,
    living: () => {},
    async look(id) {
      looks.push(id)
      if (slow(id)) await clock.sleep(5000)
      if (id === broken) throw new Error('it is broken')
    },
  })
  const stop = new AbortController()
  const running = reconciler.run(stop.signal)
  t.after(async () => {
    stop.abort()
    await running
  })
  return { clock, router, reconciler, looks, warnings }
}
