import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Store } from '../../src/deploy/work.ts'
import { fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import { type Acting, createSlipway } from '../../src/slipway.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'

describe('6. Concurrent deploys of one instance get the next versions, and run one at a time:', () => {
  test('a hundred, on the fake', async t => {
    const store = await sqliteStore({ path: ':memory:' })
    const slipway = await createSlipway({ dataDir: tmpdir(), store, providers: [fakeProvider()], router: fakeRouter() })
    t.after(() => slipway.close())
    const acting = slipway.as({ tenantId: 'acme', subject: 'ana' })
    const { instance, deployment } = await acting.instances.create({ name: 'shop', services: [worker('fake:0')] })
    await acting.finished(deployment.id)
    await assertOneByOne(acting, store, instance.id, 100, n => `fake:${n % 3}`)
  })

  test('ten, as processes', async t => {
    const machine = await startMachine()
    t.after(() => machine.dispose())
    const tenant = machine.tenant()
    const images = [await machine.worker('0'), await machine.worker('1')]
    const shop = await tenant.up([worker(images[0] ?? '')])
    await assertOneByOne(tenant.acting, machine.slipway.store, shop.id, 10, n => images[n % 2] ?? '')
  })
})

/** Deploys so many times at once; each succeeds, in the order of its version, and none begins before the one before has ended. */
async function assertOneByOne(
  acting: Acting,
  store: Store,
  instanceId: string,
  count: number,
  image: (n: number) => string,
): Promise<void> {
  const asked = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      acting.deploy({ instanceId, services: [{ name: 'worker', image: image(n + 1) }] }),
    ),
  )
  const versions = await Promise.all(asked.map(async ({ releaseId }) => (await acting.getRelease(releaseId)).version))
  await acting.finished(asked[versions.indexOf(count + 1)]?.id ?? '')
  const ended = await Promise.all(asked.map(({ id }) => acting.getDeployment(id)))
  assert.deepEqual(new Set(ended.map(deployment => deployment.state)), new Set(['succeeded']))
  assert.deepEqual(
    versions.toSorted((a, b) => a - b),
    Array.from({ length: count }, (_, n) => n + 2),
  )
  const order = (of: Deployment) => versions[asked.findIndex(({ id }) => id === of.id)] ?? 0
  const events = await store.events.read({
    after: 0,
    limit: 10_000,
    instanceId,
    types: ['deploy.started', 'deploy.succeeded'],
  })
  const ids = new Set(asked.map(({ id }) => id))
  const told = events
    .filter(event => ids.has(event.deploymentId ?? ''))
    .map(event => `${event.type} ${event.deploymentId}`)
  const oneByOne = ended
    .toSorted((a, b) => order(a) - order(b))
    .flatMap(({ id }) => [`deploy.started ${id}`, `deploy.succeeded ${id}`])
  assert.deepEqual(told, oneByOne)
}
