import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Action, actionScopes } from '../../src/auth/auth.ts'
import { acrossTenants, isAboutTenants, type RouteKey, rules } from '../../src/server/rules.ts'
import { everyRow } from '../support/refusal.ts'
import { worker } from '../support/services.ts'
import { type Customer, type Json, type Reply, startWorld, type World } from './world.ts'

// One table for every route: who asks, and what comes of it. The ids are those of a real instance of the first tenant.

const over: (() => unknown)[] = []
let world: World
let owner: Customer
let stranger: Customer
let ids: Readonly<Record<string, string>>
let image: string
let delivery: string
let tokens: Readonly<Record<'expired' | 'revoked' | 'narrow' | 'read' | 'deploy', string>>

before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  owner = await world.tenant()
  stranger = await world.tenant()
  image = await world.machine.worker('1')
  const tenant = world.machine.slipway.as({ tenantId: owner.id, subject: 'ana' })
  const { instance, deployment } = await tenant.instances.create({ name: 'shop', services: [worker(image)] })
  await tenant.finished(deployment.id)
  const { currentReleaseId = '' } = await tenant.instances.get(instance.id)
  await tenant.secrets.store('key', 'value')
  const issued = await owner.issue({ name: 'issued', scopes: ['read'] })
  const task = await tenant.tasks.finished(
    (await tenant.tasks.run(instance.id, { service: 'worker', command: ['true'] })).id,
  )
  // It leads nowhere, and is disabled before anyone looks: what a deliverer writes by itself would be taken for what a request wrote.
  const { webhook } = await tenant.webhooks.create({ url: 'https://hooks.invalid/' })
  delivery = (await tenant.webhooks.test(webhook.id)).id
  await tenant.webhooks.update(webhook.id, { enabled: false })
  ids = {
    instances: instance.id,
    deployments: deployment.id,
    releases: currentReleaseId,
    tokens: issued.id,
    tasks: task.id,
    webhooks: webhook.id,
    tenants: owner.id,
  }
  await world.send('POST', '/v1/tenants', { token: world.operator, body: { id: owner.id } })
  const old = await owner.issue({ name: 'old', scopes: ['admin'], expiresInDays: 1 })
  await world.expire(old.id)
  const revoked = await owner.issue({ name: 'revoked', scopes: ['admin'] })
  await tenant.tokens.revoke(revoked.id)
  const instances = [`inst_${'0'.repeat(26)}`]
  tokens = {
    expired: old.secret,
    revoked: revoked.secret,
    narrow: (await owner.issue({ name: 'narrow', scopes: ['admin'], instances })).secret,
    read: (await owner.issue({ name: 'reader', scopes: ['read'] })).secret,
    deploy: (await owner.issue({ name: 'deployer', scopes: ['deploy'] })).secret,
  }
})
after(async () => {
  for (const end of over.reverse()) await end()
})

const guarded = (Object.keys(rules) as RouteKey[]).filter(key => rules[key] !== 'open')

describe('every route, by who asks:', () => {
  for (const key of guarded) {
    const rule = rules[key]
    const action = rule === 'any token' || rule === 'operator' ? undefined : (rule as Action)

    test(`${key}: without a token, with an expired, revoked, unknown or mistyped one: 401`, async () => {
      const before = everyRow(world.machine)
      const bad = [undefined, tokens.expired, tokens.revoked, `${owner.token.slice(0, -1)}_`, 'slip_', 'x']
      for (const token of bad) {
        const refused = await send(key, token)
        assert.deepEqual([refused.status, refused.body.code], [401, 'unauthenticated'], token)
        assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer/)
      }
      assert.deepEqual(everyRow(world.machine), before)
    })

    if (rule === 'operator') {
      test(`${key}: for operators only, whatever scopes a token of a tenant has`, async () => {
        const refused = await send(key, owner.token)
        assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden'])
        assert.equal((await send(key, world.operator)).status, 200)
      })
    }
    if (action === undefined) continue

    test(`${key}: with a token of too little scope: 403; it takes "${actionScopes[action]}"`, async () => {
      const before = withoutUses()
      const scope = actionScopes[action]
      for (const [has, token] of [
        ['read', tokens.read],
        ['deploy', tokens.deploy],
      ] as const) {
        const enough = scope === 'read' || scope === has
        if (enough) continue
        const refused = await send(key, token)
        assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden'], has)
      }
      assert.deepEqual(withoutUses(), before)
    })

    if (isAboutTenants(key)) {
      test(`${key}: for operators only; whose tenant it is makes no difference to anybody else`, async () => {
        const before = withoutUses()
        for (const token of [owner.token, stranger.token, tokens.narrow]) {
          const [theirs, nobodys] = [await send(key, token), await send(key, token, 'nobody')]
          assert.deepEqual([theirs.status, theirs.body.code], [403, 'forbidden'], JSON.stringify(theirs.body))
          assert.deepEqual(facts(theirs), facts(nobodys))
        }
        assert.deepEqual(withoutUses(), before)
        if (key.startsWith('GET')) assert.equal((await send(key, world.operator)).status, 200)
      })
      continue
    }

    test(`${key}: with a token of another tenant: as if it did not exist`, async () => {
      if (!key.startsWith('GET') && !key.includes('{')) return // because it names nothing that could be another's
      const before = withoutUses()
      const theirs = await send(key, stranger.token)
      const nobodys = await send(key, stranger.token, 'nobody')
      if (key.includes('{')) {
        assert.deepEqual([theirs.status, theirs.body.code], [404, 'not_found'], JSON.stringify(theirs.body))
        assert.deepEqual(facts(theirs), facts(nobodys))
      } else {
        // As whole words: a short name may stand in the middle of any random id.
        const words = new Set(JSON.stringify(theirs.body).split(/[^\w-]+/))
        for (const id of Object.values(ids)) assert.ok(!words.has(id), id)
      }
      assert.deepEqual(withoutUses(), before)
    })

    test(`${key}: with a token for another instance of the tenant: nothing of it is there`, async () => {
      const before = withoutUses()
      const reply = await send(key, tokens.narrow)
      const ofInstance = /\/(?:instances|deployments|releases|tasks)\/\{id\}/.test(key)
      if (ofInstance) assert.deepEqual([reply.status, reply.body.code], [404, 'not_found'], JSON.stringify(reply.body))
      else if (reply.status !== 403)
        assert.deepEqual([reply.status, thingsIn(reply)], [200, []], JSON.stringify(reply.body))
      assert.deepEqual(withoutUses(), before)
    })

    test(`${key}: an operator names the tenant; nobody else names another one`, async () => {
      const before = withoutUses()
      const unnamed = await send(key, world.operator)
      assert.deepEqual([unnamed.status, unnamed.body.code], [400, 'invalid_request'])
      if (!acrossTenants.has(key)) {
        const all = await send(key, world.operator, 'theirs', '?tenant=*')
        assert.deepEqual([all.status, all.body.code], [400, 'invalid_request'])
      }
      const foreign = await send(key, stranger.token, 'theirs', `?tenant=${owner.id}`)
      assert.deepEqual([foreign.status, foreign.body.code], [403, 'forbidden'])
      if (key.startsWith('GET')) {
        const named = await send(key, world.operator, 'theirs', `?tenant=${owner.id}`)
        assert.equal(named.status, 200, JSON.stringify(named.body))
      }
      assert.deepEqual(withoutUses(), before)
    })
  }

  test('an operator lists across tenants, and finds there what each tenant finds', async () => {
    for (const path of ['/v1/instances', '/v1/deployments', '/v1/events']) {
      const all = (await world.send('GET', `${path}?tenant=*&limit=200`, { token: world.operator })).body.items
      const mine = (await owner.send('GET', `${path}?limit=200`)).body.items
      assert.ok(mine.length > 0)
      assert.deepEqual(
        all.filter((thing: Json) => thing.tenant_id === owner.id),
        mine,
      )
    }
  })

  test('an operator makes tokens of a tenant, and of operators', async () => {
    const body = { name: 'made', scopes: ['read'] }
    const theirs = await world.send('POST', `/v1/tokens?tenant=${owner.id}`, { token: world.operator, body })
    assert.equal((await world.send('GET', '/v1/whoami', { token: theirs.body.secret })).body.tenant_id, owner.id)
    const another = await world.send('POST', '/v1/tokens?tenant=*', { token: world.operator, body })
    assert.equal((await world.send('GET', '/v1/whoami', { token: another.body.secret })).body.operator, true)
  })
})

/** A request to a route: with the ids of what the owner has, or with ids of the same form that nobody has. */
async function send(
  key: RouteKey,
  token: string | undefined,
  whose: 'theirs' | 'nobody' = 'theirs',
  query = '',
): Promise<Reply> {
  const [method = '', form = ''] = key.split(' ')
  const kind = form.split('/')[2] ?? ''
  const id = whose === 'theirs' ? (ids[kind] ?? '') : `${(ids[kind] ?? '').slice(0, -4)}0000`
  const path = form
    .replace('{id}', id)
    .replace('{other}', id)
    .replace('{name}', whose === 'theirs' ? 'key' : 'yek')
    .replace('{version}', '1')
    .replace('{delivery}', delivery)
  const confirm = method === 'DELETE' && kind === 'instances' ? `${query === '' ? '?' : '&'}confirm=shop` : ''
  const body = bodies[form.split('/').at(-1) ?? '']?.(kind)
  if (form.endsWith('/stream')) return await peek(path + query, token)
  return await world.send(method, path + query + confirm, {
    ...(token === undefined ? {} : { token }),
    ...(['DELETE', 'PATCH', 'PUT'].includes(method) ? { headers: { 'if-match': '*' } } : {}),
    ...(method === 'PUT'
      ? { body: {} }
      : method === 'PATCH'
        ? {
            body:
              kind === 'tenants'
                ? { title: 'x' }
                : kind === 'webhooks'
                  ? { types: ['deploy.*'] }
                  : { hosts: ['x.example'] },
          }
        : body === undefined || method !== 'POST'
          ? {}
          : { body }),
  })
}

/** Bodies that are fine, by the last word of the path. */
const bodies: Readonly<Record<string, (kind: string) => unknown>> = {
  instances: () => ({ name: 'mine', services: [{ name: 'worker', image }] }),
  plan: () => ({ services: [{ name: 'worker', image }] }),
  deployments: () => ({ services: [{ name: 'worker', image }] }),
  scale: () => ({ replicas: { worker: 2 } }),
  tenants: () => ({ id: 'mine' }),
  secrets: () => ({ name: 'mine', value: 'x' }),
  rotate: kind => (kind === 'secrets' ? { value: 'x' } : {}),
  tokens: () => ({ name: 'mine', scopes: ['read'] }),
  tasks: () => ({ service: 'worker', command: ['true'] }),
  webhooks: () => ({ url: 'https://hooks.invalid/' }),
  replay: () => ({ since: '2026-01-01T00:00:00Z' }),
}

/** A stream's status; what it says is not waited for. */
async function peek(path: string, token: string | undefined): Promise<Reply> {
  const cut = new AbortController()
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(world.url + path, { headers, signal: cut.signal })
  const body = answer.status === 200 ? { items: [] } : ((await answer.json()) as Json)
  cut.abort()
  return { status: answer.status, headers: answer.headers, body }
}

/** All of a refusal but what belongs to the one request, and the ids that were asked for. */
function facts({ status, body }: Reply): unknown {
  const { request_id, instance, ...rest } = body
  void [request_id, instance]
  return [
    status,
    JSON.stringify(rest)
      .replaceAll(/\w+_[0-9a-z]{26}|"(?:key|yek)\\?"/g, '…')
      .replaceAll(/\\"(?:key|yek)\\"/g, '…'),
  ]
}

/** What a list or a count shows. */
function thingsIn({ body }: Reply): unknown[] {
  return body.items ?? Object.values(body.instances)
}

/** Every row; when a token was used last is written by its use. */
function withoutUses(): unknown {
  const { tokens: rows = [], ...rest } = everyRow(world.machine)
  return { ...rest, tokens: rows.map(row => ({ ...(row as object), last_used_at: null })) }
}
