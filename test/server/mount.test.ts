import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { isSlipwayError } from '../../src/errors.ts'
import { maxBodyBytes } from '../../src/server/body-limit.ts'
import { createServer } from '../../src/server/index.ts'
import { methodsOf, rules } from '../../src/server/rules.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { startWorld, type World } from './world.ts'

const over: (() => unknown)[] = []
let machine: Machine
let world: World
let token: string
let tokenId: string
before(async () => {
  machine = await startMachine()
  over.push(() => machine.dispose())
  world = await startWorld({ after: end => void over.push(end as () => unknown) }, {}, machine)
  const tenant = machine.tenant()
  const { instance } = await tenant.acting.instances.create({
    name: 'shop',
    services: [worker(await machine.worker('1'))],
  })
  void instance
  token = (await tenant.acting.tokens.create({ name: 'ana', scopes: ['admin'] })).secret
  tokenId = (await tenant.acting.tokens.create({ name: 'other', scopes: ['read'] })).token.id
})
after(async () => {
  for (const end of over.reverse()) await end()
})

describe('the app', () => {
  test('has a rule for each of its routes, and a route for each of its rules', () => {
    const documented = Object.entries(world.document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
    )
    const routes = world.server.app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    assert.deepEqual(new Set(routes), new Set(Object.keys(rules)))
    assert.deepEqual(
      documented.toSorted(),
      Object.keys(rules)
        .filter(key => key !== 'GET /v1/openapi.json')
        .toSorted(),
    )
  })

  test('documents the headers that its methods take', () => {
    const headersOf = (path: string, method: string) =>
      world.document.paths[path]?.[method]?.parameters
        ?.filter(parameter => parameter.in === 'header')
        .map(({ name }) => name)
    assert.deepEqual(headersOf('/v1/instances', 'post'), ['Idempotency-Key'])
    assert.deepEqual(headersOf('/v1/instances/{id}', 'get'), ['If-None-Match'])
    assert.deepEqual(headersOf('/v1/instances/{id}', 'patch'), ['If-Match'])
    assert.deepEqual(headersOf('/v1/instances', 'get'), [])
  })

  test('mounts in a plain node:http server, under a prefix that its links carry', async t => {
    const { fetch: answer } = createServer(machine.slipway, { basePath: '/slipway/' })
    const listener = getRequestListener(answer, { overrideGlobalObjects: false })
    const server = createHttp((request, response) => {
      if (request.url?.startsWith('/slipway/')) return void listener(request, response)
      response.end('something else')
    })
    t.after(() => server.close())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const get = (path: string, headers = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { authorization: `Bearer ${token}`, connection: 'close', ...headers },
      })
    assert.equal(await (await get('/')).text(), 'something else')
    const page = await get('/slipway/v1/deployments?limit=1')
    assert.equal(page.status, 200)
    const { items } = (await page.json()) as { items: { id: string }[] }
    const one = (await (await get(`/slipway/v1/deployments/${items[0]?.id}`)).json()) as { links: { self: string } }
    assert.equal(one.links.self, `/slipway/v1/deployments/${items[0]?.id}`)
    const refused = (await (await get('/slipway/v1/instances/x')).json()) as { type: string }
    assert.equal((await get(refused.type)).status, 200)
  })

  test('mounts in another app that takes the prefix off', async () => {
    const outer = new Hono().mount('/slipway', createServer(machine.slipway, { basePath: '/slipway' }).fetch)
    const answer = await outer.request('/slipway/v1/whoami', { headers: { authorization: `Bearer ${token}` } })
    assert.equal(answer.status, 200)
  })

  test('says what there is for a path that is asked with another method, or that there is none', async () => {
    const put = await world.send('PUT', '/v1/instances', { token, body: {} })
    assert.deepEqual([put.status, put.body.code, put.headers.get('allow')], [405, 'method_not_allowed', 'GET, POST'])
    assert.equal((await world.send('GET', '/v1/nothing', { token })).body.code, 'not_found')
    assert.deepEqual(methodsOf('/v1/instances/summary'), ['GET', 'GET', 'PATCH', 'DELETE'])
  })

  test('gives browsers nothing to work with', async () => {
    const { headers } = await world.send('GET', '/v1/instances', { token, headers: { origin: 'https://evil.example' } })
    assert.equal(headers.get('access-control-allow-origin'), null)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.match(headers.get('x-request-id') ?? '', /^req_/)
  })
})

describe('a body', () => {
  test('larger than a megabyte is refused, whether or not it tells its length', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(maxBodyBytes) })
    const told = await world.send('POST', '/v1/instances', { token, body })
    assert.deepEqual([told.status, told.body.code], [413, 'body_too_large'])
    const untold = await fetch(`${world.url}/v1/instances`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    })
    assert.equal(untold.status, 413)
    const just = await world.send('POST', '/v1/instances', { token, body: body.slice(20).padEnd(maxBodyBytes, 'x') })
    assert.equal(just.body.code, 'invalid_request')
  })

  test('that is not JSON is refused, as is JSON that is not well-formed', async () => {
    const form = await world.send('POST', '/v1/instances', {
      token,
      body: 'a=b',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    assert.deepEqual([form.status, form.body.code], [415, 'unsupported_media_type'])
    for (const body of ['{', '', 'nul', '[1,', '"']) {
      const refused = await world.send('POST', '/v1/instances', { token, body })
      assert.deepEqual([refused.status, refused.body.code], [400, 'invalid_request'], body)
    }
  })

  test('that is empty counts as none, whatever its type is said to be', async () => {
    const post = async (path: string) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const answer = await fetch(world.url + path, { method: 'POST', headers })
      return [answer.status, ((await answer.json()) as { code?: string; detail?: string }).detail]
    }
    assert.deepEqual(await post(`/v1/tokens/${tokenId}/rotate`), [200, undefined])
    const [status, detail] = await post('/v1/tokens')
    assert.equal(status, 400)
    assert.match(String(detail), /^The body is not valid: \/name /)
  })

  test('with faults is refused with each of them, by where it stands', async () => {
    const body = { name: 'Shop', services: [{ name: 'web', image: 'x', replicas: 0, healthCheck: {} }], more: 1 }
    const refused = await world.send('POST', '/v1/instances', { token, body })
    assert.deepEqual(
      refused.body.errors.map((error: { pointer: string; code: string }) => [error.pointer, error.code]).toSorted(),
      [
        ['/more', 'unrecognized_keys'],
        ['/name', 'invalid_format'],
        ['/services/0/healthCheck', 'unrecognized_keys'],
        ['/services/0/replicas', 'too_small'],
      ],
    )
  })
})

describe('a server', () => {
  test('does not listen where strangers could listen in, unless TLS or a proxy is there', async () => {
    const server = createServer(machine.slipway)
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com']) {
      await assert.rejects(server.listen({ host }), error => isSlipwayError(error, 'invalid_request'), host)
    }
    for (const host of ['127.0.0.1', 'localhost', '127.0.0.9']) await (await server.listen({ host })).close()
    const proxied = await server.listen({ host: '127.0.0.1', behindProxy: true })
    await proxied.close()
  })

  test('says so when its port is taken', async () => {
    const { port } = new URL(world.url)
    await assert.rejects(
      world.server.listen({ port: Number(port) }),
      error => isSlipwayError(error, 'unavailable') && error.message.includes(port),
    )
  })

  test('holds each token to its rate, reads and writes apart, and says where it stands', async t => {
    const own = await startWorld(t, { rateLimits: { read: 3, write: 1 } }, machine)
    const read = () => own.send('GET', '/v1/whoami', { token })
    const replies = [await read(), await read(), await read(), await read()]
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200, 429],
    )
    const [first, , , last] = replies
    assert.equal(first?.headers.get('ratelimit-policy'), '"read";q=3;w=60')
    assert.match(first?.headers.get('ratelimit') ?? '', /^"read";r=2;t=(?:60|59)$/)
    assert.equal(last?.body.code, 'rate_limited')
    assert.ok(Number(last?.headers.get('retry-after')) > 50)
    assert.equal((await own.send('POST', '/v1/tokens', { token, body: {} })).status, 400)
    assert.equal((await own.send('POST', '/v1/tokens', { token, body: {} })).status, 429)
    assert.equal((await own.send('GET', '/v1/whoami', { token: own.operator })).status, 200)
  })

  test('never tells what broke inside, but the log does, under the same request id', async t => {
    const told: object[] = []
    const broken = {
      ...machine.slipway,
      log: { info: () => {}, warn: (data: object) => void told.push(data) },
      acting: () => {
        throw new Error('the cellar is on fire')
      },
    }
    const server = createServer(broken)
    t.after(() => server.close())
    const answer = await server.fetch(
      new Request('http://x/v1/instances', { headers: { authorization: `Bearer ${token}` } }),
    )
    const text = await answer.text()
    assert.equal(answer.status, 500)
    assert.doesNotMatch(text, /cellar|\.ts/)
    assert.match(JSON.stringify(told), /cellar/)
    assert.ok(JSON.stringify(told).includes(answer.headers.get('x-request-id') ?? '-'))
  })

  test('is ready only while its parts answer', async t => {
    const provider = {
      ...machine.slipway.providers.default(),
      check: async () => ({ ok: false, message: 'gone fishing' }),
    }
    const server = createServer({
      ...machine.slipway,
      providers: { ...machine.slipway.providers, list: () => [provider] },
    })
    t.after(() => server.close())
    const answer = await server.fetch(new Request('http://x/readyz'))
    assert.equal(answer.status, 503)
    assert.match(await answer.text(), /gone fishing/)
    assert.equal((await server.fetch(new Request('http://x/healthz'))).status, 200)
  })
})
