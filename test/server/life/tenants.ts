import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, World } from '../world.ts'

/** What an operator does with tenants, and what a tenant sees of it. */
export function tenantChapter(world: () => World): void {
  test('an operator creates a tenant, limits it, suspends it and deletes it; its own tokens say how it stands', async () => {
    const { send, operator } = world()
    const root = (method: string, path: string, body?: unknown, etag?: string): Promise<Json> =>
      send(method, path, { token: operator, body, ...(etag === undefined ? {} : { headers: { 'if-match': etag } }) })
    const tenant = await world().tenant()
    const path = `/v1/tenants/${tenant.id}`
    const made = await root('POST', '/v1/tenants', { id: tenant.id, title: 'T Ltd', quota: { instances: 0 } })
    assert.deepEqual([made.status, made.headers.get('location')], [201, path])
    assert.equal((await root('POST', '/v1/tenants', { id: tenant.id })).body.code, 'already_exists')

    const image = await world().machine.worker('1')
    const body = { name: 'shop', services: [{ name: 'worker', image }] }
    const refused = await tenant.send('POST', '/v1/instances', { body })
    const { code, quota: what, used, limit } = refused.body
    assert.deepEqual([refused.status, code, what, used, limit], [403, 'quota_exceeded', 'instances', 0, 0])
    const { body: me } = await tenant.send('GET', '/v1/whoami')
    assert.deepEqual(me.tenant, {
      state: 'active',
      title: 'T Ltd',
      quota: { instances: { used: 0, limit: 0, wanted: 0, exceeded: false } },
    })

    const read = await root('GET', `${path}/quota`)
    assert.deepEqual(read.body.limits, { instances: 0 })
    assert.equal((await root('PUT', `${path}/quota`, {})).body.code, 'precondition_required')
    const etag = read.headers.get('etag')
    const set = await root('PUT', `${path}/quota`, { instances: 1, memory_bytes: 1_000 }, etag)
    assert.deepEqual(set.body, {
      limits: { instances: 1, memory_bytes: 1_000 },
      used: { instances: 0, replicas: 0, deployments: 0, memory_bytes: 0 },
    })
    assert.equal((await root('PUT', `${path}/quota`, {}, etag)).body.code, 'precondition_failed')
    const known = { 'if-none-match': set.headers.get('etag') ?? '' }
    assert.equal((await send('GET', `${path}/quota`, { token: operator, headers: known })).status, 304)

    const one = await root('GET', path)
    const same = { 'if-none-match': one.headers.get('etag') ?? '' }
    assert.equal((await send('GET', path, { token: operator, headers: same })).status, 304)
    const change = { state: 'suspended', reason: 'unpaid' }
    const suspended = await root('PATCH', path, change, one.headers.get('etag'))
    assert.deepEqual([suspended.body.state, suspended.body.reason], ['suspended', 'unpaid'])
    const late = await tenant.send('POST', '/v1/instances', { body })
    assert.deepEqual([late.status, late.body.code, late.body.state], [403, 'tenant_suspended', 'suspended'])
    const { items } = (await root('GET', '/v1/tenants')).body
    assert.equal(items[0].id, tenant.id)

    const gone = await root('DELETE', path, undefined, suspended.headers.get('etag'))
    assert.deepEqual([gone.status, gone.body.state], [200, 'deleted'])
    assert.equal((await tenant.send('GET', '/v1/whoami')).status, 401)
    const { items: done } = (await root('GET', `/v1/audit?tenant=${tenant.id}&object=${tenant.id}`)).body
    assert.deepEqual(
      done.map((entry: Json) => [entry.action, entry.actor, entry.operator]),
      ['tenant.delete', 'tenant.update', 'tenant.set_quota', 'tenant.create'].map(action => [action, 'root', true]),
    )
    assert.deepEqual([done[1].before, done[1].after], [{ state: 'active' }, { state: 'suspended', reason: 'unpaid' }])
  })
}
