import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import type { HealthCheck } from '../../src/health/check.ts'
import { type ProberOptions, startProber } from '../../src/health/prober.ts'
import { whyUnhealthy } from '../../src/health/why.ts'
import { fakeClock } from '../../src/provider/fake/clock.ts'
import { fakeProvider } from '../../src/provider/fake/provider.ts'
import type { Behaviour } from '../../src/provider/fake/script.ts'
import { fenceOf, revisionOf } from '../provider/fake/revision.ts'
import { replicaAt } from './replica.ts'

async function watched(behaviour: Behaviour, check: Partial<HealthCheck> = {}, more: Partial<ProberOptions> = {}) {
  const clock = fakeClock()
  const provider = fakeProvider({ clock })
  provider.world.script({}, behaviour)
  await provider.start(revisionOf('api'), [0], fenceOf(1))
  const [replica] = await provider.observe('inst_1')
  assert.ok(replica)
  const probes: number[] = []
  const changes: string[] = []
  const prober = startProber({
    replica,
    check: { type: 'http', ...check } as HealthCheck,
    routed: true,
    provider: {
      probe: (...request) => {
        probes.push(clock.monotonic())
        return provider.probe?.(...request) ?? Promise.reject(new Error('no probe'))
      },
    },
    clock,
    onChange: health => changes.push(`${health}@${Math.round(clock.monotonic())}`),
    ...more,
  })
  return { clock, world: provider.world, replica, prober, probes, changes }
}

test('a replica is asked after 5 ms, then less and less often, and in its interval once it is ready', async () => {
  const { clock, prober, probes, changes } = await watched({ readyMs: 300 }, { intervalMs: 1000 })
  await clock.advance(3000)
  const gaps = probes.slice(1).map((at, index) => at - (probes[index] ?? 0))
  assert.deepEqual(gaps.slice(0, 3), [5, 6.25, 7.8125])
  assert.equal(Math.max(...gaps.filter(gap => gap < 1000)), 50)
  assert.deepEqual(gaps.slice(-2), [1000, 1000])
  assert.match(changes.join(), /^ready@3[0-4]\d$/u)
  prober.stop()
})

test('a ready replica counts once it has stayed so for minHealthyMs', async () => {
  const { clock, prober } = await watched({})
  await clock.advance(0)
  assert.deepEqual([prober.health, prober.settled(500), prober.settled(0)], ['ready', false, true])
  await clock.advance(500)
  assert.equal(prober.settled(500), true)
  prober.stop()
})

test('it takes as many successes and failures in a row as the check says, and failures are looked into sooner', async () => {
  const { clock, world, replica, prober, changes } = await watched(
    {},
    { healthyAfter: 3, unhealthyAfter: 2, intervalMs: 5000 },
  )
  await clock.advance(5)
  assert.equal(prober.health, 'unready')
  await clock.advance(20)
  assert.equal(prober.health, 'ready')
  world.setCondition('inst_1', replica.name, 'sick')
  await clock.advance(5000)
  assert.equal(prober.health, 'ready')
  await clock.advance(200)
  assert.equal(prober.health, 'unready')
  assert.equal(prober.readySince, undefined)
  assert.equal(changes.length, 2)
  prober.stop()
})

test('an unreachable platform makes health unknown, and a ready replica goes on from where it was', async () => {
  const { clock, world, prober, changes } = await watched({}, { intervalMs: 100, unhealthyAfter: 3 })
  await clock.advance(1000)
  const since = prober.readySince
  world.unreachable = true
  await clock.advance(1000)
  assert.deepEqual([prober.health, prober.settled(0)], ['unknown', false])
  world.unreachable = false
  await clock.advance(100)
  assert.deepEqual([prober.health, prober.readySince], ['ready', since])
  assert.deepEqual(
    changes.map(change => change.split('@')[0]),
    ['ready', 'unknown', 'ready'],
  )
  prober.stop()
})

test('a stranger that answers on the port is not readiness', async () => {
  let owner = 'stranger'
  let asked = 0
  const clock = fakeClock()
  const provider = {
    exec: async () => ({ exitCode: 0, output: [] }),
    owns: async () => {
      asked++
      return owner === 'replica'
    },
  }
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const prober = startProber({ replica: replicaAt({ host: '127.0.0.1', port }), routed: true, provider, clock })
  try {
    assert.equal(await prober.probeNow(), 'unready')
    assert.match(prober.answers.at(-1)?.text ?? '', /another program answers on port/u)
    owner = 'replica'
    assert.equal(await prober.probeNow(), 'ready')
    const before = asked
    assert.equal(await prober.probeNow(), 'ready')
    assert.equal(asked, before)
  } finally {
    prober.stop()
    await new Promise(resolve => server.close(resolve))
  }
})

test('a worker without a check is ready while it runs, and no timer waits for it', async () => {
  const clock = fakeClock()
  const changes: string[] = []
  const prober = startProber({
    replica: replicaAt(undefined, { state: 'starting' }),
    routed: false,
    provider: {},
    clock,
    onChange: health => changes.push(health),
  })
  for (const state of ['running', 'unknown', 'running', 'exited'] as const) {
    prober.replica = replicaAt(undefined, { state, ...(state === 'exited' ? { exitCode: 2 } : {}) })
    await clock.advance(0)
  }
  assert.deepEqual(changes, ['ready', 'unknown', 'ready', 'unready'])
  assert.equal(prober.answers.at(-1)?.text, 'exited with 2')
  assert.equal(clock.waiting, 0)
})

test('a prober that was stopped asks nothing more, keeps no timer and tells nothing', async () => {
  const { clock, prober, probes, changes } = await watched({ readyMs: 20 })
  prober.stop()
  await clock.advance(1000)
  assert.deepEqual([prober.stopped, probes.length, changes.length, clock.waiting], [true, 1, 0, 0])
  assert.equal(await prober.probeNow(), 'unready')
})

test('a replica that does not answer at all is asked again after each timeout', async () => {
  const { clock, world, replica, prober, probes } = await watched({ readyMs: 'never' }, { timeoutMs: 100 })
  world.setCondition('inst_1', replica.name, 'hanging')
  await clock.advance(1000)
  assert.ok(probes.length > 5 && probes.length < 12, `${probes.length} probes`)
  assert.equal(prober.answers.at(-1)?.text, 'no answer within 100 ms')
  prober.stop()
})

test('a replica stuck for half a minute is asked in its interval only', async () => {
  const { clock, prober, probes } = await watched({ readyMs: 'never' }, { intervalMs: 1000 })
  await clock.advance(31_000)
  const before = probes.length
  await clock.advance(10_000)
  assert.equal(probes.length - before, 10)
  prober.stop()
})

test('equal answers in a row are one, and the reason tells the different ones with the last lines', async () => {
  const { clock, world, replica, prober } = await watched({})
  await clock.advance(10)
  world.setCondition('inst_1', replica.name, 'sick')
  await clock.advance(5000)
  assert.deepEqual(
    prober.answers.map(({ ok, text }) => [ok, text]),
    [
      [true, '200 OK'],
      [false, '503 Service Unavailable'],
    ],
  )
  assert.match(
    whyUnhealthy(prober, ['boot', 'no database']),
    /^Replica api\.a1\.1\.0 is unready: "503 Service Unavailable" \(\d+ times, last at 00:00:0\d\), before that "200 OK". Its last lines:\n {2}boot\n {2}no database$/u,
  )
  prober.stop()
})
