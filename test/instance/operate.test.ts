import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { house } from '../engine/harness.ts'

test('a delete is not cancelled: what is being removed is not put together again', async t => {
  const { acme, shop, end, provider } = await house(t)
  const instance = await shop()
  provider.world.script({}, { stopMs: 1000 })
  const deletion = await acme.instances.delete(instance.id)
  await assert.rejects(
    acme.cancel(deletion.id),
    error => isSlipwayError(error, 'instance_state') && error.next !== undefined,
  )
  assert.equal((await end(deletion)).state, 'succeeded')
  assert.equal((await acme.instances.get(instance.id)).state, 'deleted')
})

test('a delete that gets stuck ends as failed, brings nothing back, says so, and can be asked for again', async t => {
  const { acme, shop, end, provider } = await house(t)
  const instance = await shop({ policies: { progressDeadlineMs: 60_000 } })
  provider.world.fault({ method: 'stop', probability: 1, error: new Error('the platform is stuck') })
  const stuck = await end(await acme.instances.delete(instance.id))
  assert.deepEqual([stuck.state, stuck.restored, stuck.errorCode], ['failed', false, 'progress_deadline'])
  const left = await acme.instances.get(instance.id)
  assert.equal(left.state, 'deleting')
  assert.match(left.needsAttention ?? '', /could not be deleted/)
  provider.world.clearFaults()
  assert.equal((await end(await acme.instances.delete(instance.id))).state, 'succeeded')
  assert.deepEqual(provider.world.replicas(instance.id), [])
})

test('a canary that names a check nobody registered is refused at the call', async t => {
  const { acme, shop } = await house(t)
  const instance = await shop()
  const checks = [{ type: 'function', name: 'smoke' }]
  const services = [{ name: 'api', image: 'fake:api-2' }]
  const given = { instanceId: instance.id, services, strategy: 'canary' }
  for (const options of [{ checks }, { steps: [{ weight: 25, checks }] }]) {
    await assert.rejects(acme.deploy({ ...given, options }), error => isSlipwayError(error, 'bad_options'))
    await assert.rejects(acme.plan({ ...given, options }), error => isSlipwayError(error, 'bad_options'))
  }
  assert.equal((await acme.listReleases(instance.id)).total, 1)
})

test('a rollback and a scale of the wrong form are refused like any other request', async t => {
  const { acme, shop } = await house(t)
  const instance = await shop()
  const invalid = (error: unknown) => isSlipwayError(error, 'invalid_request')
  await assert.rejects(acme.rollback(undefined as never), invalid)
  await assert.rejects(acme.rollback({ instanceId: instance.id, releaseId: 'rel_x', ifBusy: 'now' as never }), invalid)
  await assert.rejects(acme.instances.scale(instance.id, null as never), invalid)
  for (const count of [0, -1, 1.5, 1001])
    await assert.rejects(acme.instances.scale(instance.id, { api: count }), invalid)
  assert.deepEqual((await acme.listDeployments(instance.id, { kinds: ['scale', 'rollback'] } as never)).items, [])
})
