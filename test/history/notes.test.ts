import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HealthChange, HistoryStore, Sample } from '../../src/deploy/history.ts'
import type { Table } from '../../src/deploy/step.ts'
import type { Store } from '../../src/deploy/work.ts'
import { HealthNotes } from '../../src/engine/health-notes.ts'
import type { InstancePulse } from '../../src/engine/pulse.ts'
import { Sampler, unwrittenAtMost } from '../../src/engine/sampler.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock, fakeRouter } from '../../src/provider/fake/index.ts'

const full = new SlipwayError('disk_full', 'The disk is full.')
const storeOf = (history: Partial<HistoryStore>): Store => ({ history }) as Store
const seen = (instanceId: string, health: 'ready' | 'down') => ({
  instanceId,
  pulse: (): InstancePulse => ({ health, ready: 1, want: 1, services: {} }),
})

test('a change of health in the very millisecond in which the one before is written is written as well', async () => {
  const told: HealthChange[] = []
  const store = storeOf({
    lasting: async () => [],
    noteWatch: async () => {},
    async noteHealth(changes) {
      told.push(...changes)
      if (told.length === 1) notes.look(seen('inst_1', 'down'))
    },
  })
  const notes = new HealthNotes({ store, clock: fakeClock() }, 'wrk_1')
  notes.look(seen('inst_1', 'ready'))
  await notes.write()
  await notes.write()
  assert.deepEqual(
    told.map(({ health }) => health),
    ['ready', 'down'],
  )
})

test('many instances that are gone at once are not written at once', async () => {
  const sizes: number[] = []
  const store = storeOf({
    lasting: async ids =>
      ids.map(instanceId => ({ instanceId, health: 'ready', from: '2026-11-24T12:00:00.000Z' }) as const),
    noteWatch: async () => {},
    noteHealth: async changes => void sizes.push(changes.length),
  })
  const notes = new HealthNotes({ store, clock: fakeClock() }, 'wrk_1')
  for (let n = 0; n < 250; n++) notes.forget(`inst_${n}`)
  for (let n = 0; n < 4; n++) await notes.write()
  assert.deepEqual(sizes, [100, 100, 50])
})

test('what a full disk keeps from being written is kept up to a point, the newest of it, and written once there is room', async () => {
  const clock = fakeClock()
  const router = fakeRouter({ clock })
  let requests = 0
  const revision = {
    service: 'web',
    revision: 'r1',
    errors: 0,
    latencyBoundsMs: [1],
    latencyCounts: [0, 0],
    active: 0,
    activeWebSockets: 0,
  }
  const table: Table = [{ service: 'web', revision: 'r1', release: 'rel_1', replicas: 1, weight: 100 }]
  const written: Sample[] = []
  let hasRoom = false
  const sampler = new Sampler(
    {
      clock,
      router: { ...router, traffic: async () => [{ ...revision, requests: ++requests }] },
      store: storeOf({
        async addSamples(samples) {
          if (!hasRoom) throw full
          written.push(...samples)
        },
        thinSamples: async () => {},
      }),
    },
    () => table,
  )
  for (let n = 0; n < 50; n++) sampler.follow(`dep_${n}`, `inst_${n}`)
  for (let n = 0; n < 40; n++) {
    await clock.advance(1000)
    await assert.rejects(sampler.look(), full)
  }
  hasRoom = true
  await clock.advance(1000)
  await sampler.look()
  assert.equal(written.length, unwrittenAtMost)
  assert.equal(requests, 41 * 50)
  const newest = new Date(clock.now()).toISOString()
  assert.equal(written.at(-1)?.at, newest)
})
