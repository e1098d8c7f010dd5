import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertRefused } from '../support/refusal.ts'
import { quick, routed, web, worker } from '../support/services.ts'

describe('releases', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  test('3. Exactly one release is active; a failed or cancelled rollout leaves the previous one active', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    assert.deepEqual(await active(tenant, shop), [1])

    const failed = await tenant.end(
      await deploy(tenant, shop, { web: await machine.server('2', { exits: 3, prints: ['no database'] }) }),
    )
    assert.equal(failed.state, 'failed')
    assert.match(failed.error ?? '', /exited with code 3 three times \("no database"\)\.$/)
    assert.equal(failed.restored, true)
    assert.deepEqual(await active(tenant, shop), [1])

    const stuck = await deploy(tenant, shop, { web: await machine.server('3', { unhealthy: 'no database' }) })
    await tenant.reach(stuck, now => now.reason?.code === 'health')
    await tenant.acting.cancel(stuck.id)
    const cancelled = await tenant.end(stuck)
    assert.deepEqual([cancelled.state, cancelled.restored], ['cancelled', true])
    assert.deepEqual(await active(tenant, shop), [1])
    assert.equal((await tenant.ask()).told().version, '1')

    await tenant.done(await deploy(tenant, shop, { web: await machine.server('4') }))
    assert.deepEqual(await active(tenant, shop), [4])
    assert.equal((await tenant.ask()).told().version, '4')
  })

  describe('4. A partial deploy inherits from the release that is active when it starts:', () => {
    const start = async () => {
      const tenant = machine.tenant()
      const shop = await tenant.up([
        web(await machine.server('web-1'), { dependsOn: ['api'], env: { URL_API: '$URL_API' } }),
        routed('api', await machine.server('api-1')),
      ])
      return { tenant, shop }
    }
    const answers = async (tenant: Tenant) => {
      const { version, api } = (await tenant.ask('/api')).told()
      return [version, api.version]
    }

    test('after a rollback a bad image does not come back', async () => {
      const { tenant, shop } = await start()
      const [first] = await tenant.releases(shop)
      await tenant.done(await deploy(tenant, shop, { api: await machine.server('api-bad') }))
      assert.deepEqual(await answers(tenant), ['web-1', 'api-bad'])
      await tenant.done(await tenant.acting.rollback({ instanceId: shop.id, releaseId: first?.id ?? '' }))
      await tenant.done(await deploy(tenant, shop, { web: await machine.server('web-2') }))
      assert.deepEqual(await answers(tenant), ['web-2', 'api-1'])
      const [one, , three] = await tenant.releases(shop)
      assert.deepEqual(digests(three), { ...digests(three), api: digests(one)['api'] })
    })

    test('of two queued ones of different services the second does not undo the first', async () => {
      const { tenant, shop } = await start()
      const [two, three] = await Promise.all([
        deploy(tenant, shop, { api: await machine.server('api-2') }),
        deploy(tenant, shop, { web: await machine.server('web-2') }),
      ])
      await tenant.done(two)
      await tenant.done(three)
      assert.deepEqual(await answers(tenant), ['web-2', 'api-2'])
    })

    test('… nor brings back what the first failed to deliver', async () => {
      const { tenant, shop } = await start()
      const two = await deploy(tenant, shop, { api: await machine.server('api-2', { exits: 1 }) })
      const three = await deploy(tenant, shop, { web: await machine.server('web-2') })
      assert.equal((await tenant.end(two)).state, 'failed')
      await tenant.done(three)
      assert.deepEqual(await answers(tenant), ['web-2', 'api-1'])
      const releases = await tenant.releases(shop)
      assert.equal(digests(releases[2])['api'], digests(releases[0])['api'])
    })
  })

  test('10. provider_ref, the current release and the services of the instance are updated when a rollout succeeds', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([
      web(await machine.server('1'), { env: { COLOUR: 'red', SIZE: 'XL' }, args: ['--one'] }),
    ])
    const image = await machine.server('2')
    const asked = await tenant.acting.deploy({
      instanceId: shop.id,
      services: [
        {
          name: 'web',
          image,
          env: { COLOUR: 'blue' },
          command: ['node', 'program.mjs', '--two'],
          args: ['--for', '$PORT'],
        },
      ],
    })
    assert.equal(asked.providerRef, undefined)
    const done = await tenant.done(asked)
    assert.equal(done.providerRef, `process:${shop.id}`)
    assert.deepEqual(done.serviceProgress, { web: 'succeeded' })
    const after = await tenant.acting.instances.get(shop.id)
    assert.equal(after.currentReleaseId, done.releaseId)
    const [service] = after.services
    assert.deepEqual(service, {
      ...shop.services[0],
      image,
      env: { COLOUR: 'blue' },
      command: ['node', 'program.mjs', '--two'],
      args: ['--for', '$PORT'],
    })
    const { version, argv, env } = (await tenant.ask('/about')).told()
    assert.deepEqual([version, argv], ['2', ['--two', '--for', env['PORT']]])
    assert.deepEqual([env['COLOUR'], env['SIZE']], ['blue', undefined])
  })

  describe('11. Rollback', () => {
    test('of a release of another instance: not found; of one that was never active: refused', async () => {
      const tenant = machine.tenant()
      const image = await machine.server('1')
      const [shop, other] = [await tenant.up([web(image)]), await tenant.up([web(image)], { name: 'other' })]
      const [foreign] = await tenant.releases(other)
      await assertRefused(machine, 'not_found', /^There is no release "rel_/, () =>
        tenant.acting.rollback({ instanceId: shop.id, releaseId: foreign?.id ?? '' }),
      )
      const broken = await deploy(tenant, shop, { web: await machine.server('2', { exits: 1 }) })
      await tenant.end(broken)
      await assertRefused(machine, 'never_active', /Release 2 .* was never active/, () =>
        tenant.acting.rollback({ instanceId: shop.id, releaseId: broken.releaseId }),
      )
    })

    test('restores command, health check and env, removed keys too, removes services the release did not have, and keeps replica counts', async () => {
      const tenant = machine.tenant()
      const image = await machine.server('1')
      const old = web(image, {
        env: { COLOUR: 'red', SIZE: 'XL' },
        args: ['--one'],
        healthCheck: { ...quick, path: '/' },
      })
      const shop = await tenant.up([old])
      const [first] = await tenant.releases(shop)
      await tenant.done(
        await tenant.acting.deploy({
          instanceId: shop.id,
          complete: true,
          services: [
            {
              ...routed('web', image),
              env: { COLOUR: 'blue', SHAPE: 'round' },
              command: ['node', 'program.mjs', '--two'],
            },
            { ...worker(await machine.worker('1')), replicas: 2 },
          ],
        }),
      )
      assert.deepEqual((await tenant.acting.instances.get(shop.id)).services.map(({ name }) => name).toSorted(), [
        'web',
        'worker',
      ])
      await tenant.done(await tenant.acting.instances.scale(shop.id, { web: 3 }))

      const back = await tenant.done(await tenant.acting.rollback({ instanceId: shop.id, releaseId: first?.id ?? '' }))
      assert.equal(back.releaseId, first?.id)
      const after = await tenant.acting.instances.get(shop.id)
      assert.deepEqual(after.services, [{ ...shop.services[0], replicas: 3 }])
      const { replicas, table } = await tenant.acting.status(shop.id)
      const [serving] = table.filter(row => row.weight === 100)
      assert.deepEqual([serving?.release, serving?.replicas], [first?.id, 3])
      assert.deepEqual(
        replicas.filter(replica => replica.revision === serving?.revision).map(replica => replica.health),
        ['ready', 'ready', 'ready'],
      )
      assert.ok(replicas.every(replica => replica.service === 'web'))
      const { argv, env } = (await tenant.ask('/about')).told()
      assert.deepEqual(argv, ['--one'])
      assert.deepEqual([env['COLOUR'], env['SIZE'], env['SHAPE']], ['red', 'XL', undefined])
      assert.equal((await tenant.releases(shop)).length, 2)
      const deployments = (await tenant.acting.listDeployments(shop.id)).items
      assert.deepEqual(
        deployments.map(({ kind, state }) => [kind, state]),
        [
          ['rollback', 'succeeded'],
          ['deploy', 'rolled_back'],
          ['initial', 'succeeded'],
        ],
      )
      assert.equal(deployments[1]?.rolledBackBy, back.id)
    })
  })

  test('16. A deploy that changes only env restarts the service with the new env; one that changes nothing makes a release and succeeds at once with an empty plan', async () => {
    const tenant = machine.tenant()
    const image = await machine.server('1')
    const shop = await tenant.up([web(image, { env: { COLOUR: 'red' } })])
    const before = (await tenant.ask('/about')).told()
    const ask = { instanceId: shop.id, services: [{ name: 'web', image, env: { COLOUR: 'blue' } }] }
    await tenant.done(await tenant.acting.deploy(ask))
    const after = (await tenant.ask('/about')).told()
    assert.deepEqual([before.env['COLOUR'], after.env['COLOUR']], ['red', 'blue'])
    assert.notEqual(after.pid, before.pid)

    const same = await tenant.done(await tenant.acting.deploy(ask))
    assert.deepEqual([same.step, same.stepCount], [0, 0])
    assert.deepEqual(await machine.slipway.store.work.steps(same.id), [])
    assert.equal((await tenant.ask()).told().pid, after.pid)
    const release = await tenant.acting.getRelease(same.releaseId)
    assert.deepEqual([release.version, release.active], [3, true])
  })
})

async function deploy(tenant: Tenant, { id }: Instance, images: Record<string, string>) {
  const services = Object.entries(images).map(([name, image]) => ({ name, image }))
  return await tenant.acting.deploy({ instanceId: id, services })
}

/** Versions of the releases that are active. */
async function active(tenant: Tenant, shop: Instance): Promise<number[]> {
  return (await tenant.releases(shop)).filter(release => release.active).map(release => release.version)
}

/** Service → digest of its image. */
function digests(
  release: { services: readonly { name: string; digest: string }[] } | undefined,
): Record<string, string> {
  return Object.fromEntries((release?.services ?? []).map(({ name, digest }) => [name, digest]))
}
