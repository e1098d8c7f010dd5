import assert from 'node:assert/strict'
import { test } from 'node:test'
import { house, web } from '../../engine/harness.ts'
import { refusalOf } from '../../support/refusal.ts'

test('a rollback to a release whose image was thrown away is refused before anything is written, and says what to do', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [web('fake:web-1')] })
  const first = shop.currentReleaseId ?? ''
  await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }))
  const { digest } = (await h.acme.getRelease(first)).services[0] ?? {}
  assert.deepEqual(await h.provider.prune?.(new Set(await h.store.work.images(shop.id, 1)), 0), [digest])
  const before = await written()
  const refusal = await refusalOf(() => h.acme.rollback({ instanceId: shop.id, releaseId: first }))
  assert.equal(refusal.code, 'unrestorable')
  assert.match(
    refusal.message,
    /^Release 1 needs the image fake:web-1 \(sha256:.*\) for "web", and no copy of it is kept/,
  )
  assert.match(refusal.next ?? '', /Deploy the image again/)
  assert.deepEqual(await written(), before)

  await h.provider.resolve('fake:web-1')
  assert.equal((await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: first }))).state, 'succeeded')

  async function written() {
    return [await h.store.events.lastSeq(), (await h.acme.listDeployments(shop.id)).total]
  }
})

test('a retry whose image was thrown away is refused', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [web('fake:web-1')] })
  h.world.script({ image: 'fake:web-2' }, { readyMs: 'never' })
  const cancelled = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
  await h.reach(cancelled, now => now.reason?.code === 'health')
  await h.acme.cancel(cancelled.id)
  assert.equal((await h.end(cancelled)).state, 'cancelled')
  await h.provider.prune?.(new Set(await h.store.work.images(shop.id, 0)), 0)
  const refusal = await refusalOf(() => h.acme.retry(cancelled.id))
  assert.equal(refusal.code, 'unrestorable')
  assert.match(refusal.message, /^The deployment dep_\w+ needs the image fake:web-2/)
})

test('the events of an ended deployment end where the log ends, also when its end was pruned', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [web('fake:web-1')] })
  const deploy = await h.end(
    await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
  )
  const watched = async () => {
    const types: string[] = []
    for await (const event of h.acme.watch(deploy.id)) types.push(event.type)
    return types
  }
  assert.equal((await watched()).at(-1), 'deploy.succeeded')
  await h.store.events.prune({ keep: 2, keepMs: 1e12 }, 1000)
  assert.deepEqual((await watched()).slice(-1), ['deploy.succeeded'])
  await h.store.events.append({ type: 'secret.revoked', tenantId: 'acme' })
  await h.store.events.prune({ keep: 1, keepMs: 1e12 }, 1000)
  assert.deepEqual(await watched(), [])
  assert.equal((await h.acme.finished(deploy.id)).state, 'succeeded')
})
