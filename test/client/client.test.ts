import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type Client,
  type ClientOptions,
  createClient,
  type Event,
  etagOf,
  SlipwayApiError,
  SlipwayConnectionError,
} from '../../src/client/index.ts'
import { seededRandom } from '../../src/provider/fake/random.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { startCuttingProxy } from './cutting-proxy.ts'

describe('the client', () => {
  const over: (() => unknown)[] = []
  let world: World
  let customer: Customer
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) }, { beatMs: 200 })
    customer = await world.tenant()
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })
  const client = (options: Partial<ClientOptions> = {}): Client =>
    createClient({ url: world.url, token: customer.token, backoffMs: 1, beatMs: 200, ...options })
  const publish = async (count: number, from = 0): Promise<void> => {
    for (let n = from; n < from + count; n++) {
      await world.machine.slipway.bus.publish({ type: 'instance.updated', tenantId: customer.id, data: { n } })
    }
  }
  /** Answers of the real server, but for those that `fault` makes instead; `fault` is told which attempt it is, from 1 on. */
  const faulty = (
    fault: (attempt: number, init: RequestInit) => Promise<Response | undefined> | Response | undefined,
  ) => {
    const sent: RequestInit[] = []
    const fetch: ClientOptions['fetch'] = async (url, init) => {
      sent.push(init)
      return (await fault(sent.length, init)) ?? (await globalThis.fetch(url, init))
    }
    return { sent, fetch }
  }
  const keysOf = (sent: readonly RequestInit[]) =>
    sent.map(({ headers }) => new Headers(headers).get('idempotency-key'))

  test('a refusal is an error with all that the problem says', async () => {
    await assert.rejects(client().deployments.get('dep_nobody'), error => {
      assert.ok(error instanceof SlipwayApiError)
      assert.deepEqual(
        [error.status, error.code, error.problem?.instance],
        [404, 'not_found', '/v1/deployments/dep_nobody'],
      )
      assert.equal(error.message, error.detail)
      assert.match(error.request_id ?? '', /^req_/)
      return true
    })
    await assert.rejects(client().instances.create({ name: 'No Name', services: [] }), error => {
      assert.ok(error instanceof SlipwayApiError)
      assert.deepEqual([error.code, error.errors[0]?.pointer], ['invalid_request', '/name'])
      assert.ok(error.try.length > 0)
      return true
    })
  })

  test('an answer that is lost on the way is fetched by the same key: it was done once', async () => {
    const { sent, fetch } = faulty(async (attempt, init) => {
      if (attempt > 2) return undefined
      await globalThis.fetch(`${world.url}/v1/secrets`, init)
      throw new TypeError('the connection broke')
    })
    const stored = await client({ fetch }).secrets.store('once', 'hush')
    assert.deepEqual([stored.name, stored.version, sent.length], ['once', 1, 3])
    assert.equal(new Set(keysOf(sent)).size, 1)
    assert.equal((await client().secrets.list()).items.length, 1)
  })

  for (const status of [429, 502, 503, 504]) {
    test(`a call answered ${status} is made again after a pause, and not more often than said`, async () => {
      const busy = () => new Response('busy', { status, headers: { 'retry-after': '0' } })
      const some = faulty(attempt => (attempt < 3 ? busy() : undefined))
      await client({ fetch: some.fetch }).whoami()
      assert.equal(some.sent.length, 3)
      const always = faulty(busy)
      await assert.rejects(client({ fetch: always.fetch, retries: 4 }).whoami(), { status, code: 'not_a_problem' })
      assert.equal(always.sent.length, 5)
    })
  }

  test('a pause that the server asks for is kept, unless the call would be over by then', async () => {
    const limited = faulty(() => new Response('', { status: 429, headers: { 'retry-after': '3600' } }))
    await assert.rejects(client({ fetch: limited.fetch }).whoami(), { status: 429, retryAfterSeconds: 3600 })
    assert.equal(limited.sent.length, 1)
  })

  test('what is under way already is waited for, longer than retries last', async () => {
    const inFlight = JSON.stringify({ code: 'idempotency_in_flight', detail: 'It has not ended.' })
    const headers = { 'content-type': 'application/problem+json' }
    const { sent, fetch } = faulty(n => (n < 5 ? new Response(inFlight, { status: 409, headers }) : undefined))
    await client({ fetch, retries: 1 }).secrets.store('late', 'hush')
    assert.equal(sent.length, 5)
  })

  test('a change that may have been made is not made twice; one that was refused for coming too often is', async () => {
    const read = await client().secrets.get('once')
    const broken = faulty(() => {
      throw new TypeError('the connection broke')
    })
    await assert.rejects(client({ fetch: broken.fetch }).secrets.delete(read), error => {
      assert.ok(error instanceof SlipwayConnectionError)
      assert.equal(error.reason, 'unreachable')
      return true
    })
    assert.equal(broken.sent.length, 1)
    const limited = faulty(attempt => (attempt === 1 ? new Response('', { status: 429 }) : undefined))
    await client({ fetch: limited.fetch }).secrets.delete(read)
    assert.equal(limited.sent.length, 2)
  })

  test('it knows the version of what it read: what has not changed is not fetched, and only what was read is changed', async () => {
    await client().secrets.store('versioned', 'hush')
    const read = await client().secrets.get('versioned')
    assert.equal(await client().secrets.get(read), read)
    await client().secrets.rotate('versioned', 'hush-2')
    const now = await client().secrets.get(read)
    assert.equal(now.version, 2)
    assert.notEqual(etagOf(now), etagOf(read))
    await assert.rejects(client().secrets.delete(read), { code: 'precondition_failed' })
    await assert.rejects(client().secrets.delete('versioned'), { code: 'precondition_required' })
    await client().secrets.delete(now)
  })

  test('a call ends by its time, by its signal, and at once when nobody is there', async () => {
    const hangs: ClientOptions['fetch'] = (_, { signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    await assert.rejects(client({ fetch: hangs }).whoami({ timeoutMs: 30 }), { reason: 'timeout' })
    const left = new AbortController()
    const leaving = client({ fetch: hangs }).whoami({ signal: left.signal })
    left.abort(new Error('left'))
    await assert.rejects(leaving, { message: 'left' })
    await assert.rejects(client({ url: 'http://127.0.0.1:9', retries: 1 }).whoami(), { reason: 'unreachable' })
  })

  test('a token that a function gives is asked for anew when it is refused', async () => {
    let asked = 0
    const token = async () => (asked++ === 0 ? 'slip_old' : customer.token)
    assert.equal((await client({ token }).whoami()).tenant_id, customer.id)
    assert.equal(asked, 2)
    await assert.rejects(client({ token: 'slip_old' }).whoami(), { status: 401 })
  })

  test('an id leads to no other path', async () => {
    await assert.rejects(client().releases.diff('..', 'rel_1'), TypeError)
    await assert.rejects(client().instances.get('../../v1/whoami'), { code: 'not_found' })
  })

  test('a list is gone through to its end, page by page', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client().tokens.create({ name, scopes: ['read'] })
    const names: string[] = []
    for await (const token of client().tokens.list({ limit: 2 })) names.push(token.name)
    assert.deepEqual(names, ['e', 'd', 'c', 'b', 'a', 'ana'])
    const first = await client().tokens.list({ limit: 2 }).page()
    assert.deepEqual([first.items.length, first.total], [2, 6])
  })

  for (const seed of [1, 2, 3]) {
    test(`events are followed through connections cut at any byte (seed ${seed}): none missed, none twice`, async t => {
      const random = seededRandom(seed)
      const proxy = await startCuttingProxy(t, world.url, () => 50 + Math.floor(random() * 3000))
      const { last_event_id: after } = await client().events.page({ after: '0', limit: 200 })
      const published = publish(40)
      const heard: unknown[] = []
      const signal = AbortSignal.timeout(60_000)
      const through = client({ url: proxy.url, retries: 100 })
      for await (const event of through.events.follow({ after, type: 'instance.updated' }, { signal })) {
        heard.push((event as Event).data?.['n'])
        if (heard.length === 40) break
      }
      await published
      assert.deepEqual(
        heard,
        Array.from({ length: 40 }, (_, n) => n),
      )
      assert.ok(proxy.cuts() > 3, `${proxy.cuts()} cuts`)
    })
  }

  test('a stream that was cut before its first event goes on from where it began', async () => {
    const began = Promise.withResolvers<void>()
    const { fetch } = faulty(attempt => {
      if (attempt === 2) began.resolve()
      return undefined
    })
    const cutAfterPlace: ClientOptions['fetch'] = async (url, init) => {
      const answer = await fetch(url, init)
      if (!first) return answer
      first = false
      const reader = answer.body?.getReader()
      const { value } = (await reader?.read()) ?? {}
      await reader?.cancel()
      await publish(1, 99)
      return new Response(value as Uint8Array<ArrayBuffer>)
    }
    let first = true
    for await (const event of client({ fetch: cutAfterPlace }).events.follow()) {
      assert.deepEqual((event as Event).data, { n: 99 })
      break
    }
    await began.promise
  })

  test('a connection that says nothing for more than two beats is left for a new one', async () => {
    const silent = () => new Response(new ReadableStream({ start: () => {} }))
    const { sent, fetch } = faulty(attempt => (attempt === 1 ? silent() : undefined))
    const { last_event_id: after } = await client().events.page({ after: '0', limit: 200 })
    await publish(1, 7)
    for await (const event of client({ fetch, beatMs: 20 }).events.follow({ after })) {
      assert.deepEqual((event as Event).data, { n: 7 })
      break
    }
    assert.equal(sent.length, 2)
  })

  test('where the log does not reach back, a reset says so, and it goes on from there', async () => {
    const kinds: string[] = []
    const follow = client().events.follow({ after: '999999999' })
    for await (const event of follow) {
      kinds.push(event.type)
      if (event.type !== 'reset') break
      await publish(1)
    }
    assert.deepEqual(kinds, ['reset', 'instance.updated'])
  })
})
