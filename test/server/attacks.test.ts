import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createServer } from '../../src/server/index.ts'
import { audience, type LocalIssuer, startIssuer } from '../auth/oidc/issuer.ts'
import { startMachine } from '../support/machine.ts'
import { everyRow } from '../support/refusal.ts'
import { worker } from '../support/services.ts'
import { listenTo } from './listener.ts'
import { type Customer, type Json, startWorld, type World } from './world.ts'

// What somebody would try who means ill: each of these once worked.

const over: (() => unknown)[] = []
let issuers: readonly LocalIssuer[]
let world: World
let customer: Customer
let shop: Json
before(async () => {
  issuers = [await startIssuer(), await startIssuer()]
  over.push(...issuers.map(issuer => () => issuer.close()))
  const rule = { match: { repository: 'acme/shop' }, tenant: 't1', subject: 'ci' }
  const machine = await startMachine({
    oidc: issuers.map(({ url: issuer }, n) => ({
      issuer,
      audience,
      rules: [
        { ...rule, match: { ...rule.match, ref: 'refs/heads/main' }, scopes: ['admin' as const] },
        { ...rule, scopes: [n === 0 ? ('admin' as const) : ('read' as const)] },
      ],
    })),
  })
  over.push(() => machine.dispose())
  world = await startWorld({ after: end => void over.push(end as () => unknown) }, { beatMs: 50 }, machine)
  customer = await world.tenant()
  const acting = machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
  const { instance, deployment } = await acting.instances.create({
    name: 'shop',
    services: [worker(await machine.worker('1'))],
  })
  await acting.finished(deployment.id)
  shop = instance
})
after(async () => {
  for (const end of over.reverse()) await end()
})

describe('without a token', () => {
  test('nobody has the document made anew: it is made once, however often it is asked for', async () => {
    const document = async () => await (await world.server.fetch(new Request('http://x/v1/openapi.json'))).text()
    const first = await document()
    const began = performance.now()
    for (let n = 0; n < 100; n++) assert.equal(await document(), first)
    const ms = performance.now() - began
    assert.ok(ms < 5_000, `a hundred took ${Math.round(ms)} ms; made anew each time, they take three times the limit`)
  })
})

describe('a body', () => {
  test('that is nested a hundred thousand times is refused, and brings down no parser behind the first', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const options = `{"services":[{"name":"worker","image":"file:x"}],"strategy":"canary","options":{"x":${deep}}}`
    for (const path of ['deployments', 'plan']) {
      const refused = await customer.send('POST', `/v1/instances/${shop.id}/${path}`, { body: options })
      assert.deepEqual([refused.status, refused.body.code], [400, 'invalid_request'])
      assert.match(refused.body.detail, /nested/)
    }
  })

  test('may hold as many brackets as it likes inside of a text', async () => {
    const value = `"\\${'[{'.repeat(500)}`
    assert.equal((await customer.send('POST', '/v1/secrets', { body: { name: 'brackets', value } })).status, 201)
  })
})
