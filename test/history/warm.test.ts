import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestamp } from '../../src/clock.ts'
import { chartOf } from '../../src/deploy/chart.ts'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { progressNow } from '../../src/deploy/progress.ts'
import type { FrozenPlan, Run, StepRecord } from '../../src/deploy/run.ts'
import type { Row, Step } from '../../src/deploy/step.ts'
import type { PlannedService } from '../../src/deploy/strategy.ts'

const at = (seconds: number) => timestamp(Date.UTC(2026, 10, 23, 12) + seconds * 1000)
const serving: Row = { service: 'web', revision: 'aa.1', replicas: 2, weight: 100, release: 'rel_2' }
const warm: Row = { service: 'web', revision: 'bb.1', replicas: 2, weight: 0, release: 'rel_1', keepUntil: at(300) }
const steady: Row = { service: 'api', revision: 'cc.1', replicas: 1, weight: 100, release: 'rel_2' }
const forgotten: Row = {
  service: 'api',
  revision: 'dd.1',
  replicas: 1,
  weight: 0,
  release: 'rel_1',
  keepUntil: at(300),
}

const planned = ({ service, revision, replicas, release }: Row): PlannedService => ({
  name: service,
  revision,
  replicas,
  release,
  routed: true,
  exclusive: false,
  dependsOn: [],
  before: false,
})
const plan: FrozenPlan = {
  base: [serving, warm, steady, forgotten],
  mode: 'rollback',
  old: [planned(serving), planned(steady)],
  next: [planned(warm), planned(steady)],
  specs: {},
  options: {},
  readyAtStart: {},
  replicas: {},
  keepWarmMs: 0,
}
const half: Row[] = [{ ...serving, weight: 50 }, { ...warm, weight: 50 }, steady]
const route: Step = { kind: 'route', name: '50 %', table: half, weights: { web: { 'aa.1': 50, 'bb.1': 50 } } }
const deployment = { id: 'dep_1', startedAt: at(0), services: [] } as unknown as Deployment

test('a revision that was found warm is the new one of the deployment that moves traffic to it', () => {
  const record = { phase: 'forward', position: 0, step: route, state: 'begun', beganAt: at(1) } as StepRecord
  const { services } = chartOf({ deployment, plan } as unknown as Run, [record], [])
  assert.deepEqual(
    services.flatMap(({ revisions }) => revisions.map(({ revision, side }) => [revision, side])),
    [
      ['aa.1', 'old'],
      ['bb.1', 'new'],
      ['cc.1', 'old'],
      ['dd.1', 'old'],
    ],
  )
})

test('while traffic moves to a warm revision, its share and its replicas are told as the new ones', () => {
  const replicas = half.map(({ service, revision }, index) => ({
    id: `${index}`,
    name: `${index}`,
    service,
    revision,
    state: 'running' as const,
    health: 'ready' as const,
  }))
  const now = progressNow(deployment, plan, { table: half, replicas }, undefined, 0)
  assert.deepEqual(now.traffic, { web: { set: 50 } })
  assert.deepEqual(now.replicas, { web: { old: { ready: 1, want: 2 }, new: { ready: 1, want: 2 } } })
})
