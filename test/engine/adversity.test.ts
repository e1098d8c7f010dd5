import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlipwayError } from '../../src/errors.ts'
import type { CheckContext } from '../../src/health/checks.ts'
import { type House, house, quick, successor } from './harness.ts'
import { names, running, traffic } from './look.ts'
import { life } from './mortal.ts'
import { settled } from './sound.ts'

const one = (image: string, name = 'web', replicas = 1) => ({
  name,
  image,
  ports: [{ name: 'http' }],
  healthCheck: quick,
  replicas,
})

/** The name of a replica that runs this image. */
function replicaOf(h: House, instanceId: string, image: string): string {
  const name = names(h, instanceId, 'web').find(candidate => h.world.specOf(instanceId, candidate)?.image === image)
  assert.ok(name, `${image} runs`)
  return name
}

test('a rollback to a warm release does not fail for what that release did an hour ago', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [one('fake:web-1')] })
  for (let i = 0; i < 3; i++) {
    h.world.crash(shop.id, replicaOf(h, shop.id, 'fake:web-1'))
    await settled(h, shop.id)
    await h.clock.advance(3000)
  }
  await h.clock.advance(3_600_000)
  const services = [{ name: 'web', image: 'fake:web-2' }]
  await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' }))
  const back = await h.end(
    await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? 'there is one' }),
  )
  assert.deepEqual([back.state, back.error], ['succeeded', undefined])
  assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-1': 100 } })
})

test('a start that was refused for a late heartbeat is no fault of the replica: an undo tries it again', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [one('fake:web-1')] })
  const services = [{ name: 'web', image: 'fake:web-2' }]
  const asked = { instanceId: shop.id, services, strategy: 'blue-green', options: { preview: true } }
  const deploy = await h.acme.deploy(asked)
  await h.reach(deploy, now => now.reason?.code === 'awaiting_promote')
  await h.clock.advance(3000)
  const late = new SlipwayError('lease_lost', 'This worker does not own the instance any more.')
  h.world.fault({ method: 'start', times: 1, error: late })
  h.world.crash(shop.id, replicaOf(h, shop.id, 'fake:web-1'))
  await h.clock.advance(1200)
  await h.acme.cancel(deploy.id)
  const end = await h.end(deploy)
  assert.deepEqual([end.state, end.restored], ['cancelled', true])
  assert.deepEqual(running(h, shop.id), { web: ['fake:web-1'] })
})

test('after an undo that failed, no service loses the replicas that have its traffic because another one cannot come back', async t => {
  const h = await house(t)
  h.world.script({ image: 'fake:web-1' }, { stopMs: 5000 })
  const shop = await h.shop({ services: [one('fake:web-1'), one('fake:api-1', 'api')] })
  const services = [
    { name: 'web', image: 'fake:web-2' },
    { name: 'api', image: 'fake:api-2' },
  ]
  const asked = { instanceId: shop.id, services, strategy: 'blue-green', options: { keepWarmSeconds: 0 } }
  const deploy = await h.acme.deploy(asked)
  await h.reach(deploy, now => now.reason?.code === 'retiring')
  h.world.script({ image: 'fake:api-1' }, { readyMs: 'never', exit: { afterMs: 10, code: 1 } })
  await h.reach(deploy, now => now.reason?.text.startsWith('retire web') === true)
  await h.clock.advance(1000)
  await h.acme.cancel(deploy.id)
  const end = await h.end(deploy, 900_000)
  assert.deepEqual([end.state, end.restored], ['cancelled', false])
  await h.clock.advance(30_000)
  assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-2': 100 }, api: { 'fake:api-2': 100 } })
  const routes = h.router.proxy.tables.get(shop.id)?.services['web']?.revisions ?? {}
  const carrying = Object.values(routes).filter(route => route.weight > 0)
  assert.ok(carrying.every(route => route.endpoints.some(endpoint => endpoint.state === 'serving')))
})

test('a wall clock that jumps, or a machine that slept, costs the leases but neither the deployment nor the healing', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [one('fake:web-1')] })
  h.world.script({ image: 'fake:web-2' }, { readyMs: 3000 })
  h.world.fault({ method: 'start', times: 1, answerMs: 2500 })
  const deploy = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
  await h.reach(deploy, now => now.reason?.code === 'health')
  await h.clock.advance(50)
  h.clock.jump(60_000)
  assert.equal((await h.end(deploy)).state, 'succeeded')
  await h.clock.advance(5000)
  assert.equal((await h.store.work.load(shop.id))?.owner, undefined)
  h.world.crash(shop.id, replicaOf(h, shop.id, 'fake:web-2'))
  await h.clock.advance(60_000)
  assert.deepEqual(running(h, shop.id), { web: ['fake:web-2'] })
})

test('a short hold survives a router that fails once', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [one('fake:web-1', 'web', 2)] })
  const services = [{ name: 'web', image: 'fake:web-2' }]
  const options = { steps: [50], holdSeconds: 20 }
  const deploy = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'canary', options })
  await h.reach(deploy, now => now.reason?.code === 'baking')
  await h.clock.advance(2000)
  h.router.fault({ method: 'apply', times: 1, error: new SlipwayError('unavailable', 'The router hiccups.') })
  h.world.crash(shop.id, replicaOf(h, shop.id, 'fake:web-1'))
  assert.equal((await h.end(deploy)).state, 'succeeded')
})

test('a store that fails while the verdict on a parked hold is written costs the verdict, not the process', async t => {
  const h = await house(t, { checks: { never: async () => 'it is never well' } })
  const shop = await h.shop({ services: [one('fake:web-1', 'web', 2)] })
  const services = [{ name: 'web', image: 'fake:web-2' }]
  const options = { steps: [50], holdSeconds: 40, checks: [{ type: 'function', name: 'never' }] }
  const deploy = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'canary', options })
  await h.reach(deploy, now => now.reason?.code === 'baking')
  const { transaction } = h.store
  let refused = 0
  const store = h.store as { transaction: typeof transaction }
  store.transaction = async work => {
    if (!new Error('who asks').stack?.includes('baker.ts')) return await transaction(work)
    refused += 1
    throw new Error('disk I/O error')
  }
  await h.when(() => refused > 0)
  store.transaction = transaction
  const end = await h.end(deploy)
  assert.deepEqual([end.state, end.errorCode, end.restored], ['failed', 'check_failed', true])
})

test('a verdict on a parked hold that comes when somebody else has passed it changes nothing', async t => {
  const h = await house(t, { checks: { never: async () => 'it is never well' } })
  const shop = await h.shop({ services: [one('fake:web-1', 'web', 2)] })
  const services = [{ name: 'web', image: 'fake:web-2' }]
  const options = { steps: [50], holdSeconds: 40, checks: [{ type: 'function', name: 'never' }] }
  const { transaction } = h.store
  let passed = false
  const store = h.store as { transaction: typeof transaction }
  store.transaction = async work => {
    if (passed || !new Error('who asks').stack?.includes('baker.ts')) return await transaction(work)
    passed = true
    const hold = (await h.store.work.steps(deploy.id)).find(({ step }) => step.kind === 'hold')
    if (hold) await h.store.work.saveStep({ ...hold, state: 'done', note: 'passed by another' })
    await h.store.work.wake(shop.id)
    return await transaction(work)
  }
  const deploy = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'canary', options })
  assert.equal((await h.end(deploy)).state, 'succeeded')
  const hold = (await h.store.work.steps(deploy.id)).find(({ step }) => step.kind === 'hold')
  assert.deepEqual([passed, hold?.note], [true, 'passed by another'])
})

test('a hold whose instance is claimed while somebody takes it up without a lease is watched by one only', async t => {
  const mortal = life()
  const heard = new Map<AbortSignal, number>()
  const checks = { quiet: async ({ signal }: CheckContext) => void heard.set(signal, first.clock.monotonic()) }
  const first = await house(t, { life: mortal, checks })
  const shop = await first.shop({ services: [one('fake:web-1', 'web', 2)] })
  const services = [{ name: 'web', image: 'fake:web-2' }]
  const options = { steps: [50], holdSeconds: 25, checks: [{ type: 'function', name: 'quiet' }] }
  const deploy = await first.acme.deploy({ instanceId: shop.id, services, strategy: 'canary', options })
  await first.reach(deploy, now => now.reason?.code === 'baking')
  mortal.kill()
  const joins = Promise.withResolvers<void>()
  const { work } = first.store
  const owned = async (): Promise<boolean> => (await work.load(shop.id))?.owner !== undefined
  const racing: typeof work = {
    ...work,
    async claimDue(worker, limit) {
      await joins.promise
      return await work.claimDue(worker, limit)
    },
    async steps(id) {
      const records = await work.steps(id)
      if (!new Error('who asks').stack?.includes('baker.ts')) return records
      joins.resolve()
      while (!(await owned())) await first.clock.sleep(5)
      await first.clock.sleep(50)
      return records
    },
  }
  const next = await successor(t, first, { checks, store: { ...first.store, work: racing } })
  await next.until(joins.promise)
  await next.clock.advance(10_000)
  const lately = [...heard.values()].filter(at => at > next.clock.monotonic() - 2000)
  assert.equal(lately.length, 1)
  assert.equal((await next.end(deploy)).state, 'succeeded')
})

test('what a deleted instance leaves behind and cannot be removed ends the delete as failed, to be asked for again', async t => {
  const h = await house(t)
  const shop = await h.shop({ services: [one('fake:web-1')] })
  h.world.fault({ method: 'forget', probability: 1, error: new Error('EACCES: permission denied, rmdir') })
  const stuck = await h.end(await h.acme.instances.delete(shop.id), 1_500_000)
  assert.deepEqual([stuck.state, stuck.restored], ['failed', false])
  assert.match(stuck.error ?? '', /EACCES/)
  h.world.clearFaults()
  assert.equal((await h.end(await h.acme.instances.delete(shop.id))).state, 'succeeded')
})

test('lines written before a restart by an instance that never came up are masked as well', async t => {
  const mortal = life()
  const h = await house(t, { life: mortal })
  await h.acme.secrets.store('TOKEN', 'hunter2-hunter2')
  h.world.script({ image: 'fake:slow' }, { readyMs: 'never' })
  const services = [{ ...one('fake:slow'), secrets: { TOKEN: 'TOKEN' } }]
  const { instance, deployment } = await h.acme.instances.create({ name: 'shop', services })
  await h.reach(deployment, now => now.reason?.code === 'health')
  await h.clock.advance(500)
  h.world.write(instance.id, replicaOf(h, instance.id, 'fake:slow'), 'the token is hunter2-hunter2')
  mortal.kill()
  const next = await successor(t, h)
  const lines: string[] = []
  for await (const line of next.acme.logs({ instanceId: instance.id, tail: 20 })) lines.push(line.text)
  assert.deepEqual(lines, ['the token is •••'])
})
