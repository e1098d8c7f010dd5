import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { audience, type LocalIssuer, startIssuer } from '../auth/oidc/issuer.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { startWorld, type World } from './world.ts'

/** Nothing listens there. */
const silent = 'http://127.0.0.1:1'

const over: (() => unknown)[] = []
let issuer: LocalIssuer
let world: World
before(async () => {
  issuer = await startIssuer()
  over.push(() => issuer.close())
  const rules = [
    { match: { repository: 'acme/shop', ref: 'refs/heads/main' }, tenant: 't1', scopes: ['deploy' as const] },
  ]
  const machine = await startMachine({
    oidc: [
      { issuer: issuer.url, audience, rules },
      { issuer: silent, audience, rules },
    ],
  })
  over.push(() => machine.dispose())
  world = await startWorld({ after: end => void over.push(end as () => unknown) }, {}, machine)
})
after(async () => {
  for (const end of over.reverse()) await end()
})

describe('a CI job without a secret', () => {
  test('deploys by its own identity, which the deployment names as its initiator', async () => {
    const tenant = await world.tenant()
    const acting = world.machine.slipway.as({ tenantId: tenant.id, subject: 'ana' })
    const image = await world.machine.worker('1')
    const { instance, deployment } = await acting.instances.create({ name: 'shop', services: [worker(image)] })
    await acting.finished(deployment.id)
    const token = await issuer.token()
    const me = (await world.send('GET', '/v1/whoami', { token })).body
    assert.deepEqual([me.tenant_id, me.issuer, me.scopes], [tenant.id, issuer.url, ['read', 'deploy']])
    const body = { services: [{ name: 'worker', image: await world.machine.worker('2') }] }
    const asked = await world.send('POST', `/v1/instances/${instance.id}/deployments`, { token, body })
    assert.equal(asked.status, 202)
    assert.equal(asked.body.initiator, 'repo:acme/shop:ref:refs/heads/main')
    assert.equal((await acting.finished(asked.body.id)).state, 'succeeded')
    const beyond = await world.send('DELETE', `/v1/instances/${instance.id}?confirm=shop`, { token })
    assert.deepEqual([beyond.status, beyond.body.code], [403, 'forbidden'])
  })

  test('is told by a 401 what to send, by a 403 why it may not, and by a 503 when to come back', async () => {
    const none = await world.send('GET', '/v1/whoami')
    assert.equal(none.headers.get('www-authenticate'), 'Bearer realm="slipway"')
    const bad = await world.send('GET', '/v1/whoami', { token: await issuer.token({ aud: 'other' }) })
    assert.equal(bad.status, 401)
    assert.equal(bad.headers.get('www-authenticate'), 'Bearer realm="slipway", error="invalid_token"')
    const foreign = await world.send('GET', '/v1/whoami', { token: await issuer.token({ repository: 'evil/shop' }) })
    assert.deepEqual([foreign.status, foreign.body.code], [403, 'forbidden'])
    const unchecked = await world.send('GET', '/v1/whoami', { token: await issuer.token({ iss: silent }) })
    const { status, body, headers } = unchecked
    assert.deepEqual([status, body.code, headers.get('retry-after')], [503, 'unavailable', '5'])
    assert.match(foreign.body.detail, /rule 1 wants another repository than "evil\/shop"/)
  })
})
