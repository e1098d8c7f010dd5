import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Release, type ServiceStatus, SlipwayApiError } from '../../src/client/index.ts'
import type { DemoState } from '../../src/demo/screen/state.ts'
import { startLive } from '../../src/demo/stage/live.ts'

const at = '2026-11-23T12:00:00.000Z'

/** Web 1 serves, web 2 gets ready; the release of web 2 is not recorded yet. */
const services: readonly ServiceStatus[] = [
  {
    name: 'web',
    image: 'file:/shop/web-2',
    replicas: 2,
    ports: [{ name: 'http' }],
    rows: [
      { service: 'web', revision: 'aa.1', replicas: 2, weight: 0, release: 'rel_1', keep_until: at },
      { service: 'web', revision: 'bb.2', replicas: 2, weight: 100, release: 'rel_2' },
    ],
    running: [
      { id: '1', name: 'web.aa.1.0', service: 'web', revision: 'aa.1', state: 'running', health: 'ready' },
      { id: '2', name: 'web.bb.2.0', service: 'web', revision: 'bb.2', state: 'running', health: 'ready' },
      { id: '3', name: 'web.bb.2.1', service: 'web', revision: 'bb.2', state: 'starting', health: 'unready' },
    ],
  },
  {
    name: 'worker',
    image: 'file:/shop/worker-1',
    replicas: 1,
    rows: [{ service: 'worker', revision: 'cc.1', replicas: 1, weight: 0, release: 'rel_1' }],
    running: [
      { id: '4', name: 'worker.cc.1.0', service: 'worker', revision: 'cc.1', state: 'running', health: 'ready' },
    ],
  },
]

const release: Release = {
  id: 'rel_1',
  tenant_id: 'acme',
  instance_id: 'inst_1',
  created_at: at,
  updated_at: at,
  version: 1,
  services: [
    { name: 'web', image: 'file:/shop/web-1', digest: 'sha256:1' },
    { name: 'worker', image: 'file:/shop/worker-1', digest: 'sha256:2' },
  ],
  active: true,
  sealed_at: at,
}

test('the screen is shown the replicas of each version, also before its release is recorded', async t => {
  const { promise: shown, resolve } = Promise.withResolvers<DemoState['services']>()
  const show = (state: DemoState): void => {
    if (state.services.length > 0) resolve(state.services)
  }
  const live = startLive('a shop', 2, { show, end: () => undefined, close: () => undefined })
  t.after(() => live[Symbol.dispose]())
  live.watch(
    {
      instances: { services: async () => ({ items: [...services] }) },
      releases: {
        get: async of => {
          if (of === release.id) return release
          throw new SlipwayApiError(404, {
            type: 'not_found',
            title: 'Not found',
            status: 404,
            code: 'not_found',
            detail: 'There is no such release.',
            instance: '/v1/releases/rel_2',
            request_id: 'req_1',
          })
        },
      },
    },
    'inst_1',
  )
  assert.deepEqual(await shown, [
    {
      name: 'web',
      routed: true,
      revisions: [
        { version: '1', ready: 1, wanted: 2, weight: 0, warm: true },
        { version: '2', ready: 1, wanted: 2, weight: 100 },
      ],
    },
    { name: 'worker', routed: false, revisions: [{ version: '1', ready: 1, wanted: 1, weight: 0 }] },
  ])
})

test('a deployment is shown from its turn to its undo, and then no more', t => {
  const shown: DemoState[] = []
  const live = startLive('a shop', 2, {
    show: state => shown.push(state),
    end: () => undefined,
    close: () => undefined,
  })
  t.after(() => live[Symbol.dispose]())
  const tell = (type: 'deploy.progress' | 'deploy.undoing', data: Record<string, unknown>): void =>
    live.tell({ id: 'evt_1', seq: 1, at, tenant_id: 'acme', type, data })
  const now = () => shown.at(-1)?.current

  live.begin({ act: 2, what: 'web 1 → 2', strategy: 'canary' })
  assert.equal(now()?.step, 'waits for its turn')
  tell('deploy.progress', { step: 4, steps: 11, kind: 'hold', name: 'hold 3 s' })
  assert.deepEqual([now()?.step, now()?.stepNumber, now()?.stepCount], ['hold 3 s', 4, 11])
  assert.equal(Math.round(now()?.percent ?? 0), 27)
  tell('deploy.undoing', { because: 'a check failed', steps: ['route web 100 % to aa', 'retire web bb to 0'] })
  tell('deploy.progress', { undo: true, step: 2, kind: 'retire', name: 'retire web bb to 0' })
  assert.deepEqual(
    [now()?.undoing, now()?.detail, now()?.step, now()?.stepNumber, now()?.stepCount],
    [true, 'a check failed', 'retire web bb to 0', 2, 2],
  )
  live.note('a moment of quiet')
  assert.deepEqual([now(), shown.at(-1)?.note], [undefined, 'a moment of quiet'])
})
