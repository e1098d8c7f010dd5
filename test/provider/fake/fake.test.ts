import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { fakeClock } from '../../../src/provider/fake/clock.ts'
import { fakeProvider } from '../../../src/provider/fake/provider.ts'
import { fakeWorld } from '../../../src/provider/fake/world.ts'
import { fenceOf, revisionOf } from './revision.ts'

const never = new AbortController().signal
const tcp = { type: 'tcp' } as const

async function started(behaviour = {}) {
  const clock = fakeClock()
  const provider = fakeProvider({ clock })
  provider.world.script({ service: 'api' }, behaviour)
  await provider.start(revisionOf('api'), [0], fenceOf(1))
  const observe = async () => (await provider.observe('inst_1'))[0]
  const ready = async () => {
    const replica = await observe()
    assert.ok(replica)
    return (await provider.probe?.(replica, tcp, never))?.ok
  }
  return { clock, provider, world: provider.world, observe, ready }
}

test('a replica starts, becomes ready and crashes when its script says', async () => {
  const { clock, observe, ready } = await started({ startMs: 100, readyMs: 50, exit: { afterMs: 500, code: 3 } })
  assert.equal((await observe())?.state, 'starting')
  await clock.advance(100)
  assert.equal((await observe())?.state, 'running')
  assert.equal(await ready(), false)
  await clock.advance(50)
  assert.equal(await ready(), true)
  await clock.advance(450)
  assert.deepEqual([(await observe())?.state, (await observe())?.exitCode], ['exited', 3])
})

test('a crash scripted once spares the next replica', async () => {
  const { clock, provider, observe } = await started({ exit: { afterMs: 10, code: 1, times: 1 } })
  await clock.advance(10)
  await provider.stop('inst_1', [(await observe())?.id ?? ''], 0, fenceOf(1))
  await provider.start(revisionOf('api'), [0], fenceOf(1))
  await clock.advance(1000)
  assert.equal((await observe())?.state, 'running')
})

test('starting a name twice makes one replica, and a name that is used again gets another id', async () => {
  const { provider, observe } = await started()
  const first = await observe()
  await provider.start(revisionOf('api'), [0], fenceOf(1))
  assert.equal((await provider.observe('inst_1')).length, 1)
  await provider.stop('inst_1', [first?.id ?? ''], 0, fenceOf(1))
  assert.deepEqual(await provider.observe('inst_1'), [])
  await provider.start(revisionOf('api'), [0], fenceOf(1))
  assert.notEqual((await observe())?.id, first?.id)
})

test('a replica that ignores SIGTERM is killed when its grace is over', async () => {
  const { clock, provider, world, observe } = await started({ stopMs: 'never' })
  const stopped = provider.stop('inst_1', [(await observe())?.id ?? ''], 5000, fenceOf(1))
  await clock.advance(4999)
  assert.equal((await observe())?.state, 'stopping')
  await clock.advance(1)
  await stopped
  assert.equal(world.history.find(one => one.what === 'exited')?.replica.exitCode, 137)
  assert.deepEqual(
    world.calls.map(call => call.method),
    ['start', 'stop', 'kill', 'remove'],
  )
})

test('a replica that is stopped while it starts never runs', async () => {
  const { clock, provider, world, observe } = await started({ startMs: 100, stopMs: 200 })
  const stopped = provider.stop('inst_1', [(await observe())?.id ?? ''], 5000, fenceOf(1))
  await clock.advance(150)
  assert.equal((await observe())?.state, 'stopping')
  await clock.advance(50)
  await stopped
  assert.deepEqual(
    world.history.map(one => one.what),
    ['asked', 'stopping', 'exited', 'removed'],
  )
})

test('an owner that loses its lease in the middle of a stop kills nothing', async () => {
  const { clock, provider, observe } = await started({ stopMs: 'never' })
  const lease = new AbortController()
  const stopped = provider.stop('inst_1', [(await observe())?.id ?? ''], 5000, fenceOf(1, { signal: lease.signal }))
  await clock.advance(100)
  lease.abort(new Error('lost'))
  await assert.rejects(stopped, /lost/u)
  await clock.advance(60_000)
  assert.equal((await observe())?.state, 'stopping')
})

test('a lower epoch is refused and counted, and nothing happens', async () => {
  const { provider, world } = await started()
  await provider.start(revisionOf('web'), [0], fenceOf(3))
  await assert.rejects(provider.start(revisionOf('web'), [1], fenceOf(2)), error => isSlipwayError(error, 'lease_lost'))
  await provider.start(revisionOf('web', { instanceId: 'inst_2' }), [0], fenceOf(1, { instanceId: 'inst_2' }))
  assert.equal(world.refused, 1)
  assert.equal(world.replicas('inst_1').length, 2)
})

test('two providers of one world see the same replicas, and a closed one does nothing more', async () => {
  const clock = fakeClock()
  const world = fakeWorld({ clock })
  const [before, after] = [fakeProvider({ world }), fakeProvider({ world })]
  world.script({}, { stopMs: 'never' })
  await before.start(revisionOf('api'), [0, 1], fenceOf(1))
  const [first] = await after.observe('inst_1')
  const stopped = before.stop('inst_1', [first?.id ?? ''], 100, fenceOf(1))
  await before.close()
  const refused = assert.rejects(stopped, error => isSlipwayError(error, 'closed'))
  await clock.advance(100)
  await refused
  assert.equal((await after.observe('inst_1')).length, 2)
})

test('a call can fail, take effect though it failed, or land after it failed', async () => {
  const { clock, provider, world } = await started()
  const start = (ordinal: number) => provider.start(revisionOf('web'), [ordinal], fenceOf(1))
  const there = () => world.replicas('inst_1').filter(replica => replica.service === 'web').length
  world.fault({ method: 'start', error: true })
  await assert.rejects(start(0), error => isSlipwayError(error, 'unavailable'))
  assert.equal(there(), 0)
  world.fault({ method: 'start', error: new Error('reset'), effectMs: 0 })
  await assert.rejects(start(0), /reset/u)
  assert.equal(there(), 1)
  world.fault({ method: 'start', error: true, effectMs: 500 })
  await assert.rejects(start(1))
  assert.equal(there(), 1)
  await clock.advance(500)
  assert.equal(there(), 2)
})

test('a call that lands after a higher epoch acted is refused', async () => {
  const { clock, provider, world } = await started()
  world.fault({ method: 'start', error: true, effectMs: 500 })
  await assert.rejects(provider.start(revisionOf('web'), [0], fenceOf(1)))
  await provider.start(revisionOf('api'), [0], fenceOf(2))
  await clock.advance(500)
  assert.equal(world.refused, 1)
  assert.equal(world.replicas('inst_1').length, 1)
})

test('an answer can come late, and the caller may leave before it', async () => {
  const { clock, provider, world } = await started()
  world.fault({ method: 'observe', answerMs: 300, times: 2 })
  const observed = provider.observe('inst_1')
  await clock.advance(300)
  assert.equal((await observed).length, 1)
  await assert.rejects(provider.observe('inst_1', AbortSignal.abort(new Error('left'))), /left/u)
})

test('an unreachable platform is an error, for one provider or for all', async () => {
  const { provider, world, observe } = await started()
  const other = fakeProvider({ world })
  other.cut = true
  await assert.rejects(other.observe('inst_1'), error => isSlipwayError(error, 'unavailable'))
  assert.equal((await observe())?.state, 'running')
  world.unreachable = true
  await assert.rejects(provider.observe('inst_1'), error => isSlipwayError(error, 'unavailable'))
  assert.equal((await provider.check()).ok, false)
})

test('equal seeds make equal lives, another seed makes others', async () => {
  const livesOf = async (seed: number) => {
    const clock = fakeClock()
    const provider = fakeProvider({ seed, clock })
    provider.world.script({}, { startMs: [0, 1000], exit: { afterMs: [0, 1000], code: 1 } })
    provider.world.fault({ method: 'start', probability: 0.5, error: true })
    for (let ordinal = 0; ordinal < 20; ordinal++) {
      await provider.start(revisionOf('api'), [ordinal], fenceOf(1)).catch((error: unknown) => void error)
    }
    await clock.advance(2000)
    return provider.world.history.map(({ at, what, replica }) => `${at} ${what} ${replica.name}`)
  }
  assert.deepEqual(await livesOf(7), await livesOf(7))
  assert.notDeepEqual(await livesOf(7), await livesOf(8))
})

test('a name means a digest until it means another, and an image can be missing or gone', async () => {
  const { provider, world } = await started()
  const before = await provider.resolve('fake:shop')
  assert.deepEqual(await provider.resolve('fake:shop'), before)
  world.image('fake:shop', { content: 'other' })
  assert.notEqual((await provider.resolve('fake:shop')).digest, before.digest)
  world.image('fake:shop', { unavailable: 'resolve' })
  await assert.rejects(provider.resolve('fake:shop'), error => isSlipwayError(error, 'image_unavailable'))
  await assert.rejects(provider.resolve('shop'), error => isSlipwayError(error, 'image_unavailable'))
  world.image('fake:api', { unavailable: 'prepare' })
  await assert.rejects(
    provider.prepare(revisionOf('api', await provider.resolve('fake:api')), () => {}, never),
    error => isSlipwayError(error, 'image_gone'),
  )
})

test('a task runs once, and goes on when the one who asked is gone', async () => {
  const { clock, provider, world } = await started({ task: { ms: 100, exitCode: 4, output: ['no table'] } })
  const lease = new AbortController()
  const run = (epoch: number, signal = never) =>
    provider.runTask(revisionOf('api'), ['migrate'], 'dep_1.0', fenceOf(epoch, { signal }))
  const first = run(1, lease.signal)
  lease.abort(new Error('lost'))
  await assert.rejects(first, /lost/u)
  const second = run(2)
  await clock.advance(100)
  assert.deepEqual(await second, { exitCode: 4, output: ['no table'] })
  assert.equal((await run(2)).exitCode, 4)
  assert.equal(world.tasks.length, 1)
})

test('a test can crash a replica, make it sick, and plant one of a stranger that nobody can stop', async () => {
  const { provider, world, observe, ready } = await started()
  const name = (await observe())?.name ?? ''
  world.setCondition('inst_1', name, 'sick')
  assert.equal(await ready(), false)
  world.crash('inst_1', name, 9)
  assert.equal((await observe())?.exitCode, 9)
  const stranger = world.plant({ spec: revisionOf('web'), ordinal: 0, storeId: 'store_2', epoch: 1 })
  await assert.rejects(provider.stop('inst_1', [stranger.id], 0, fenceOf(1)), error =>
    isSlipwayError(error, 'forbidden'),
  )
  assert.ok(world.replicas('inst_1').some(replica => replica.id === stranger.id))
})

test('a watcher is told of what happens, until it ends', async () => {
  const { clock, provider, world, observe } = await started()
  const hints: string[] = []
  const end = provider.watch?.(instanceId => hints.push(instanceId))
  world.crash('inst_1', (await observe())?.name ?? '')
  await clock.advance(0)
  assert.deepEqual(hints, ['inst_1'])
  end?.()
  await provider.start(revisionOf('api'), [1], fenceOf(1))
  await clock.advance(0)
  assert.equal(hints.length, 1)
})

test('logs come with tail, since and follow', async () => {
  const { clock, provider, world, observe } = await started({ logs: ['one', 'two'] })
  const name = (await observe())?.name ?? ''
  await clock.advance(1000)
  world.write('inst_1', name, 'three')
  const texts = async (query: object) => {
    const lines: string[] = []
    for await (const line of provider.logs({ instanceId: 'inst_1', ...query })) lines.push(line.text)
    return lines
  }
  assert.deepEqual(await texts({}), ['one', 'two', 'three'])
  assert.deepEqual(await texts({ tail: 1 }), ['three'])
  assert.deepEqual(await texts({ since: new Date(clock.now()).toISOString() }), ['three'])
  const leave = new AbortController()
  const followed = provider.logs({ instanceId: 'inst_1', follow: true, tail: 0 }, leave.signal)[Symbol.asyncIterator]()
  const next = followed.next()
  await clock.advance(0)
  world.write('inst_1', name, 'four')
  assert.equal((await next).value?.text, 'four')
  leave.abort()
  assert.equal((await followed.next()).done, true)
})
