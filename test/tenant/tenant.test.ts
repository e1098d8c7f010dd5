import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import type { TenantService } from '../../src/tenant/service.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertRefused, refusalOf } from '../support/refusal.ts'
import { worker } from '../support/services.ts'

let machine: Machine
let image: string
let tenants: TenantService
before(async () => {
  machine = await startMachine()
  image = await machine.worker('1')
  tenants = machine.slipway.acting({
    tenantId: '*',
    subject: 'root',
    scopes: ['read', 'admin'],
    operator: true,
  }).tenants
})
after(() => machine.dispose())

const create = (tenant: Tenant, name: string, replicas = 1) =>
  tenant.acting.instances.create({ name, services: [{ ...worker(image), replicas }] })

describe('a quota', () => {
  test('is not overrun by concurrent calls, and its refusal says what is used and what the limit is', async () => {
    const tenant = machine.tenant()
    await tenants.create({ id: tenant.id, quota: { instances: 2 } })
    const made = await Promise.allSettled(['a', 'b', 'c', 'd', 'e', 'f'].map(name => create(tenant, name)))
    assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 2)
    for (const one of made) {
      if (one.status === 'rejected') assert.ok(isSlipwayError(one.reason, 'quota_exceeded'), String(one.reason))
    }
    const refusal = await refusalOf(() => create(tenant, 'more'))
    assert.equal(refusal.message, `Tenant "${tenant.id}" uses 2 of 2 instances, and would have 3.`)
    assert.deepEqual(refusal.details, { quota: 'instances', used: 2, limit: 2, wanted: 3 })
    assert.deepEqual((await tenants.quota(tenant.id)).used.instances, 2)
  })

  test('of replicas holds for scales of two instances at once, while neither has ended', async () => {
    const tenant = machine.tenant()
    const [one, two] = [await create(tenant, 'one'), await create(tenant, 'two')]
    for (const { deployment } of [one, two]) await tenant.done(deployment)
    await tenants.create({ id: tenant.id, quota: { replicas: 3 } })
    const { instances } = tenant.acting
    const asked = await Promise.allSettled(
      [one, two].map(({ instance }) => instances.scale(instance.id, { worker: 2 })),
    )
    assert.deepEqual(asked.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    for (const scale of asked) if (scale.status === 'fulfilled') await tenant.done(scale.value)
    const { items } = await instances.list()
    const small = items.find(({ services }) => services[0]?.replicas === 1)
    await assertRefused(machine, 'quota_exceeded', /uses 3 of 3 replicas, and would have 4/, () =>
      instances.scale(small?.id ?? '', { worker: 2 }),
    )
  })

  test('of deployments is told by a plan, refuses a deploy, and keeps no rollback, stop or cancel back', async () => {
    const tenant = machine.tenant()
    const instance = await tenant.up([worker(image)])
    const second = await machine.worker('2')
    const request = { instanceId: instance.id, services: [{ name: 'worker', image: second }] }
    await tenant.done(await tenant.acting.deploy(request))
    await tenants.create({ id: tenant.id, quota: { deployments: 0, replicas: 9 } })
    const plan = await tenant.acting.plan(request)
    assert.deepEqual(plan.quota, {
      deployments: { used: 0, limit: 0, wanted: 1, exceeded: true },
      replicas: { used: 1, limit: 9, wanted: 1, exceeded: false },
    })
    await assertRefused(machine, 'quota_exceeded', /uses 0 of 0 deployments that run or wait, and would have 1/, () =>
      tenant.acting.deploy(request),
    )
    const { id: releaseId } = await tenant.acting.previousRelease(instance.id)
    await tenant.done(await tenant.acting.rollback({ instanceId: instance.id, releaseId }))
    await tenant.done(await tenant.acting.instances.stop(instance.id))
  })
})

describe('a suspended tenant', () => {
  test('takes no new work and says why; what runs goes on and can be stopped; active again, it works', async () => {
    const tenant = machine.tenant()
    const instance = await tenant.up([worker(image)])
    await tenants.create({ id: tenant.id })
    await tenants.update(tenant.id, { state: 'suspended', reason: 'unpaid' })
    const request = { instanceId: instance.id, services: [{ name: 'worker', image }] }
    const { acting } = tenant
    const releaseId = instance.currentReleaseId ?? ''
    for (const ask of [
      () => acting.deploy(request),
      () => acting.plan(request),
      () => acting.rollback({ instanceId: instance.id, releaseId }),
      () => acting.instances.scale(instance.id, { worker: 2 }),
      () => acting.instances.restart(instance.id),
      () => create(tenant, 'more'),
    ]) {
      await assertRefused(
        machine,
        'tenant_suspended',
        /is suspended, and takes no new work\. It says why: "unpaid"\./,
        ask,
      )
    }
    const [first] = (await acting.listDeployments(instance.id)).items
    const retry = (await acting.actions(first?.id ?? '')).find(({ action }) => action === 'rollback')
    assert.equal(retry?.allowed, false)
    assert.equal((await acting.instances.get(instance.id)).state, 'running')
    await tenant.done(await acting.instances.stop(instance.id))
    const active = await tenants.update(tenant.id, { state: 'active' })
    assert.equal(active.reason, undefined)
    await tenant.done(await acting.instances.start(instance.id))
  })
})

describe('a tenant', () => {
  test('is there by its name alone, until somebody says more about it', async () => {
    const tenant = machine.tenant()
    await assert.rejects(tenants.get(tenant.id), error => isSlipwayError(error, 'not_found'))
    const { deployment } = await create(tenant, 'shop')
    await tenants.create({ id: tenant.id, title: 'T Ltd' })
    assert.equal((await tenants.quota(tenant.id)).used.instances, 1)
    assert.deepEqual(await tenant.acting.tenants.own(), { state: 'active', title: 'T Ltd', quota: {} })
    await tenant.done(deployment)
  })

  test('is deleted only when it is empty, takes its tokens along, and its name is not given again', async () => {
    const tenant = machine.tenant()
    const { acting } = tenant
    const instance = await tenant.up([worker(image)])
    await acting.secrets.store('key', 'value')
    const { secret } = await acting.tokens.create({ name: 'ci', scopes: ['read'] })
    await tenants.create({ id: tenant.id })
    await assertRefused(machine, 'tenant_not_empty', /still has 1 instance and 1 secret/, () =>
      tenants.delete(tenant.id),
    )
    await tenant.done(await acting.instances.delete(instance.id))
    await acting.secrets.delete('key')
    assert.equal((await tenants.delete(tenant.id)).state, 'deleted')
    await assert.rejects(machine.slipway.authenticate(secret), error => isSlipwayError(error, 'unauthenticated'))
    await assertRefused(machine, 'already_exists', /or there was/, () => tenants.create({ id: tenant.id }))
    await assertRefused(machine, 'tenant_suspended', /is deleted/, () => create(tenant, 'again'))
    await assertRefused(machine, 'tenant_suspended', /was deleted/, () =>
      tenants.update(tenant.id, { state: 'active' }),
    )
    for (const ask of [
      () => acting.secrets.store('key', 'value'),
      () => acting.tokens.create({ name: 'ci', scopes: ['read'] }),
    ]) {
      await assertRefused(machine, 'tenant_suspended', /is deleted/, ask)
    }
  })

  test('is managed by operators only', async () => {
    const tenant = machine.tenant()
    for (const ask of [
      () => tenant.acting.tenants.create({ id: 'x' }),
      () => tenant.acting.tenants.list(),
      () => tenant.acting.tenants.setQuota(tenant.id, {}),
    ]) {
      await assertRefused(machine, 'forbidden', /that is for operators/, ask)
    }
  })
})
