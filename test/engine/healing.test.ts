import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Row } from '../../src/deploy/step.ts'
import { Crashes } from '../../src/engine/crashes.ts'
import { type Happening, Healing } from '../../src/engine/healing.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import type { Replica } from '../../src/provider/provider.ts'

describe('what is remembered of the dead', () => {
  test('is forgotten with their row, also when a successor was on its way', () => {
    const { healing, told } = memory()
    healing.died(replica('web.a.0'))
    healing.started(row('a', 1), ['web.a.1'])
    healing.look([row('a', 1)], () => 0)
    assert.equal(healing.idle, false)
    healing.look([row('b', 1)], () => 1)
    assert.equal(healing.idle, true)
    assert.deepEqual(told, [])
  })

  test('is forgotten when fewer are wanted: one that is started later, for more, takes nobody’s place', () => {
    const { healing, told } = memory()
    healing.died(replica('web.a.1'))
    healing.look([row('a', 2)], () => 1)
    assert.equal(healing.idle, false)
    healing.look([row('a', 1)], () => 1)
    assert.equal(healing.idle, true)
    healing.started(row('a', 2), ['web.a.2'])
    healing.ready(replica('web.a.2'))
    assert.deepEqual(told, [])
  })
})

function memory(): { healing: Healing; told: Happening[] } {
  const told: Happening[] = []
  return { healing: new Healing(new Crashes(fakeClock()), what => told.push(what)), told }
}

function row(revision: string, replicas: number): Row {
  return { service: 'web', revision, replicas, weight: 100, release: 'rel_1' }
}

function replica(name: string): Replica {
  const [service = '', revision = ''] = name.split('.')
  return {
    id: name,
    name,
    storeId: 'store_1',
    epoch: 1,
    service,
    revision,
    state: 'exited',
    exitCode: 1,
    ordinal: 0,
    addresses: {},
    startedAt: '2026-01-01T00:00:00.000Z',
  }
}
