import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import type { Acting, Caller } from '../../../src/slipway.ts'
import { house } from '../../engine/harness.ts'
import { ended } from '../../engine/scenes.ts'

interface Ids {
  readonly instance: string
  readonly deployment: string
  readonly release: string
}

const calls: Readonly<Record<string, (acting: Acting, ids: Ids) => unknown>> = {
  deploy: (a, { instance }) => a.deploy({ instanceId: instance, services: [{ name: 'web', image: 'fake:web-9' }] }),
  plan: (a, { instance }) => a.plan({ instanceId: instance, services: [{ name: 'web', image: 'fake:web-9' }] }),
  rollback: (a, { instance, release }) => a.rollback({ instanceId: instance, releaseId: release }),
  recordInitial: (a, { instance }) => a.recordInitial(instance),
  listDeployments: (a, { instance }) => a.listDeployments(instance),
  listReleases: (a, { instance }) => a.listReleases(instance),
  status: (a, { instance }) => a.status(instance),
  traffic: (a, { instance }) => a.traffic(instance),
  logs: async (a, { instance }) => {
    for await (const line of a.logs({ instanceId: instance })) void line
  },
  get: (a, { instance }) => a.instances.get(instance),
  update: (a, { instance }) => a.instances.update(instance, { name: 'mine' }),
  scale: (a, { instance }) => a.instances.scale(instance, { web: 1 }),
  restart: (a, { instance }) => a.instances.restart(instance),
  stop: (a, { instance }) => a.instances.stop(instance),
  start: (a, { instance }) => a.instances.start(instance),
  delete: (a, { instance }) => a.instances.delete(instance),
  cancel: (a, { deployment }) => a.cancel(deployment),
  promote: (a, { deployment }) => a.promote(deployment),
  pause: (a, { deployment }) => a.pause(deployment),
  resume: (a, { deployment }) => a.resume(deployment),
  retry: (a, { deployment }) => a.retry(deployment),
  getDeployment: (a, { deployment }) => a.getDeployment(deployment),
  finished: (a, { deployment }) => a.finished(deployment),
  watch: async (a, { deployment }) => {
    for await (const event of a.watch(deployment)) void event
  },
  steps: (a, { deployment }) => a.steps(deployment),
  actions: (a, { deployment }) => a.actions(deployment),
  inspect: (a, { deployment }) => a.inspect(deployment),
  previousRelease: (a, { instance }) => a.previousRelease(instance),
  getRelease: (a, { release }) => a.getRelease(release),
  diff: (a, { release }) => a.diff(release, release),
}

const strangers: Readonly<Record<string, Caller>> = {
  'of another tenant': { tenantId: 'globex', subject: 'eve' },
  'who is for another instance only': { tenantId: 'acme', subject: 'eve', instances: ['inst_z'] },
}

describe("another's id is answered exactly like an id that does not exist", () => {
  for (const [name, call] of Object.entries(calls)) {
    test(name, async t => {
      const h = await house(t)
      const shop = await h.shop()
      const failed = await ended(h, shop, 'failed')
      const theirs = { instance: shop.id, deployment: failed.id, release: shop.currentReleaseId ?? '' }
      const nobodys = { instance: 'inst_x', deployment: 'dep_x', release: 'rel_x' }
      const last = await h.store.events.lastSeq()
      for (const [who, stranger] of Object.entries(strangers)) {
        const other = h.slipway.as(stranger)
        assert.deepEqual(await refusal(other, call, theirs), await refusal(other, call, nobodys), who)
      }
      assert.equal(await h.store.events.lastSeq(), last)
    })
  }

  test("a rollback of one's own instance to another's release", async t => {
    const h = await house(t)
    const shop = await h.shop()
    const other = h.slipway.as({ tenantId: 'globex', subject: 'eve' })
    const { instance, deployment } = await other.instances.create({
      name: 'shop',
      services: [{ name: 'web', image: 'fake:w' }],
    })
    await h.until(other.finished(deployment.id))
    await assert.rejects(other.rollback({ instanceId: instance.id, releaseId: shop.currentReleaseId ?? '' }), {
      code: 'not_found',
    })
    assert.deepEqual(
      (await other.instances.list()).items.map(({ id }) => id),
      [instance.id],
    )
  })

  test('what a caller may do is held to their scopes', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await ended(h, shop, 'succeeded')
    const failed = await ended(h, shop, 'failed')
    const ids = { instance: shop.id, deployment: failed.id, release: shop.currentReleaseId ?? '' }
    const reader = h.slipway.as({ tenantId: 'acme', subject: 'rob', scopes: ['read'] })
    const reads = [
      'listDeployments',
      'listReleases',
      'status',
      'traffic',
      'logs',
      'get',
      'getDeployment',
      'finished',
      'watch',
      'getRelease',
      'diff',
      'steps',
      'actions',
      'inspect',
      'previousRelease',
    ]
    const last = await h.store.events.lastSeq()
    for (const [name, call] of Object.entries(calls)) {
      if (reads.includes(name)) await call(reader, ids)
      else assert.equal((await refusal(reader, call, ids)).code, 'forbidden', name)
    }
    assert.equal(await h.store.events.lastSeq(), last)
  })
})

/** How a call is refused, with the ids that were given taken out. */
async function refusal(
  acting: Acting,
  call: (acting: Acting, ids: Ids) => unknown,
  ids: Ids,
): Promise<{ code: string; message: string; next?: string | undefined; details?: unknown }> {
  try {
    await call(acting, ids)
  } catch (error) {
    assert.ok(isSlipwayError(error), String(error))
    const message = Object.values(ids).reduce((text, id) => text.replaceAll(id, '…'), error.message)
    return { code: error.code, message, next: error.next, details: error.details }
  }
  return assert.fail('it was accepted')
}
