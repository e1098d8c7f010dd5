import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aReceiver, type Receiver, verified } from '../../event/receiver.ts'
import { until } from '../../support/until.ts'
import type { Json, Reply } from '../world.ts'

type Send = (
  method: string,
  path: string,
  sent?: { body?: unknown; headers?: Record<string, string> },
) => Promise<Reply>

/** The chapter of webhooks: everything that may be asked of one, and a receiver that verifies what it is sent. */
export function webhookChapter(send: Send, over: (() => unknown)[]): void {
  let receiver: Receiver
  let hook: Json
  const path = (): string => `/v1/webhooks/${hook.id}`
  const delivered = async (id: string): Promise<Json> =>
    await until(`${id} is delivered`, async () => {
      const { body } = await send('GET', `${path()}/deliveries/${id}`)
      return body.state === 'delivered' && body
    })

  test('a webhook is made, and what happens is sent to it, signed with the secret that was shown', async () => {
    receiver = await aReceiver({ after: end => void over.push(end as () => unknown) })
    const made = await send('POST', '/v1/webhooks', { body: { url: receiver.url, types: ['secret.*'] } })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    hook = made.body
    assert.equal(made.headers.get('location'), path())
    await send('POST', '/v1/secrets', { body: { name: 'told', value: 'hush-hush' } })
    await send('POST', '/v1/secrets/told/rotate', { body: { value: 'hush-hush-2' } })
    const [received] = await receiver.count(1)
    assert.ok(received)
    const { items } = (await send('GET', '/v1/events?type=secret.rotated&limit=200')).body
    assert.deepEqual(verified(hook.secret, received), items.at(-1))
    const { items: sent, total } = (await send('GET', `${path()}/deliveries`)).body
    assert.deepEqual([total, sent[0].event_id], [1, items.at(-1).id])
    const done = await delivered(sent[0].id)
    assert.deepEqual([done.attempts[0].status, done.event], [200, items.at(-1)])
    assert.equal((await send('GET', `${path()}/deliveries?state=failed,pending`)).body.total, 0)
    const one = await send('GET', `${path()}/deliveries/${done.id}`)
    const known = { 'if-none-match': one.headers.get('etag') ?? '' }
    assert.equal((await send('GET', `${path()}/deliveries/${done.id}`, { headers: known })).status, 304)
  })

  test('it is tried, its deliveries are repeated, one and all, and its secret is shown once more when it is rotated', async () => {
    const ping = await send('POST', `${path()}/test`)
    assert.deepEqual([ping.status, ping.body.event.type], [202, 'webhook.ping'])
    assert.equal(ping.headers.get('location'), `${path()}/deliveries/${ping.body.id}`)
    await delivered(ping.body.id)
    const again = await send('POST', `${path()}/deliveries/${ping.body.id}/replay`)
    assert.deepEqual([again.status, again.body.replay_of], [202, ping.body.id])
    await delivered(again.body.id)
    const rotated = await send('POST', `${path()}/rotate`, { body: { overlap_seconds: 0 } })
    assert.notEqual(rotated.body.secret, hook.secret)
    assert.ok(!JSON.stringify((await send('GET', '/v1/webhooks')).body).includes('whsec_'))
    const before = receiver.received.length
    assert.equal((await send('POST', `${path()}/replay`, { body: { since: hook.created_at } })).status, 202)
    const [first, ...more] = (await receiver.count(before + 1)).slice(before)
    assert.ok(first && more.length === 0)
    assert.equal((verified(rotated.body.secret, first) as Json).type, 'secret.rotated')
  })

  test('it is changed, disabled and deleted by who saw how it is', async () => {
    assert.equal((await send('PATCH', path(), { body: { enabled: false } })).body.code, 'precondition_required')
    const seen = await send('GET', path())
    const etag = { 'if-match': seen.headers.get('etag') ?? '' }
    assert.equal((await send('GET', path(), { headers: { 'if-none-match': etag['if-match'] } })).status, 304)
    const body = { types: null, description: 'all of it', enabled: false }
    const changed = await send('PATCH', path(), { body, headers: etag })
    assert.deepEqual(
      [changed.status, changed.body.types, changed.body.description, changed.body.disabled.code],
      [200, undefined, 'all of it', 'by_request'],
    )
    assert.equal((await send('PATCH', path(), { body, headers: etag })).body.code, 'precondition_failed')
    assert.equal((await send('DELETE', path(), { headers: etag })).body.code, 'precondition_failed')
    assert.equal((await send('POST', `${path()}/test`)).body.code, 'webhook_disabled')
    const now = { 'if-match': changed.headers.get('etag') ?? '' }
    assert.equal((await send('DELETE', path(), { headers: now })).status, 204)
    assert.equal((await send('GET', path())).status, 404)
    assert.equal((await send('GET', '/v1/webhooks')).body.total, 0)
    const { etag: version } = Object.fromEntries((await send('GET', '/v1/secrets/told')).headers)
    await send('DELETE', '/v1/secrets/told', { headers: { 'if-match': version ?? '' } })
  })

  test('one that leads inside is refused, and so is one that is not encrypted', async () => {
    for (const url of ['https://169.254.169.254/latest/', 'http://hooks.example#x', 'nonsense']) {
      const refused = await send('POST', '/v1/webhooks', { body: { url } })
      assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, '/url'], url)
    }
  })
}
