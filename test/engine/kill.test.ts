import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type House, house, quick, successor, web } from './harness.ts'
import { running } from './look.ts'
import { type Life, life } from './mortal.ts'
import { assertSound, settled } from './sound.ts'

/** One in so many moments is tried, another set with each kind; all of them with SLIPWAY_TEST_FULL. */
const stride = process.env.SLIPWAY_TEST_FULL ? 1 : 11

interface Kind {
  readonly name: string
  /** The moments it has, at least: a test that kills nobody shows nothing. */
  readonly moments: number
  begin(h: House, shop: Instance): Promise<Deployment>
  readonly ends: Deployment['state']
  readonly web?: readonly string[]
  /** It waits at a gate until a cancel came through. */
  readonly cancelled?: true
}

const kinds: readonly Kind[] = [
  { name: 'a rolling', moments: 40, begin: deploy('rolling'), ends: 'succeeded', web: ['fake:web-2', 'fake:web-2'] },
  { name: 'a recreate', moments: 20, begin: deploy('recreate'), ends: 'succeeded', web: ['fake:web-2', 'fake:web-2'] },
  {
    name: 'a canary with a hold',
    moments: 30,
    begin: deploy('canary', { steps: [{ weight: 50, holdSeconds: 2 }], keepWarmSeconds: 0 }),
    ends: 'succeeded',
    web: ['fake:web-2', 'fake:web-2'],
  },
  {
    name: 'one that fails and is undone',
    moments: 25,
    begin: async (h, shop) => {
      h.world.script({ image: 'fake:web-2' }, { readyMs: 'never', exit: { afterMs: 20, code: 1 } })
      return await deploy('blue-green')(h, shop)
    },
    ends: 'failed',
    web: ['fake:web-1', 'fake:web-1'],
  },
  {
    name: 'a cancel in the middle',
    moments: 10,
    begin: async (h, shop) => {
      const options = { steps: [{ weight: 50, holdSeconds: 0, pause: true }] }
      const paused = await h.reach(
        await deploy('canary', options)(h, shop),
        now => now.reason?.code === 'awaiting_promote',
      )
      return await h.acme.cancel(paused.id)
    },
    ends: 'cancelled',
    cancelled: true,
    web: ['fake:web-1', 'fake:web-1'],
  },
  {
    name: 'a scale',
    moments: 10,
    begin: async (h, shop) => await h.acme.instances.scale(shop.id, { web: 3 }),
    ends: 'succeeded',
    web: ['fake:web-1', 'fake:web-1', 'fake:web-1'],
  },
  {
    name: 'a restart',
    moments: 30,
    begin: async (h, shop) => await h.acme.instances.restart(shop.id),
    ends: 'succeeded',
  },
  { name: 'a stop', moments: 10, begin: async (h, shop) => await h.acme.instances.stop(shop.id), ends: 'succeeded' },
  {
    name: 'a delete',
    moments: 10,
    begin: async (h, shop) => await h.acme.instances.delete(shop.id),
    ends: 'succeeded',
  },
]

describe('the control plane is killed, and another one goes on', () => {
  for (const [index, kind] of kinds.entries()) {
    test(`at any moment of ${kind.name}`, async t => {
      let after = 1 + (index % stride)
      let moments = await killedAfter(t, kind, after)
      while (moments === 'killed') {
        after += stride
        moments = await killedAfter(t, kind, after)
      }
      assert.ok(moments >= kind.moments, `only ${moments} moments`)
    })
  }
})

/** Kills it there, has another one go on, and checks what came of it; or tells how many moments there were when it got through before. */
async function killedAfter(t: TestContext, kind: Kind, after: number): Promise<'killed' | number> {
  const first = life()
  const h = await house(t, { life: first })
  const shop = await h.shop({
    services: [
      { ...web('fake:web-1'), replicas: 2 },
      { name: 'api', image: 'fake:api', ports: [{ name: 'http' }], healthCheck: quick },
    ],
  })
  const before = first.points
  first.killAfter(after)
  const asked = await Promise.race([kind.begin(h, shop).catch(unlessKilled(first)), first.end])
  if (asked) await h.until(h.acme.finished(asked.id)).catch(unlessKilled(first))
  if (!first.over) return first.points - before
  const next = await successor(t, h)
  const [deployment] = (
    await next.store.deploys.listDeployments('acme', shop.id, {
      limit: 1,
      kinds: ['deploy', 'scale', 'restart', 'stop', 'delete'],
    })
  ).items
  // Killed before the call was recorded: it never was.
  if (deployment) {
    if (kind.cancelled && !asked)
      await next.acme.cancel(deployment.id).catch(error => assert.equal(error.code, 'already_ended'))
    const end = await next.end(deployment)
    if (asked) assert.equal(end.state, kind.ends, `${end.error} after ${after}`)
    if (kind.ends !== 'succeeded' && asked) assert.equal(end.restored, true)
  }
  await settled(next, shop.id)
  await assertSound(next, shop.id)
  if (kind.web && asked) assert.deepEqual(running(next, shop.id).web, kind.web)
  return 'killed'
}

/** What a killed control plane was asked gets no answer. */
function unlessKilled(of: Life): (error: unknown) => undefined {
  return error => {
    if (!of.over) throw error
    return undefined
  }
}

function deploy(strategy: string, options: Record<string, unknown> = {}) {
  return async (h: House, shop: Instance): Promise<Deployment> =>
    await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }], strategy, options })
}
