import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { auditActions } from '../../src/audit/entry.ts'
import { wire } from '../../src/wire.ts'
import { ask } from '../support/ask.ts'
import { hasty, startMachine } from '../support/machine.ts'
import { web, worker } from '../support/services.ts'
import { lookBack } from './life/history.ts'
import { tenantChapter } from './life/tenants.ts'
import { webhookChapter } from './life/webhooks.ts'
import { listenTo } from './listener.ts'
import { type Customer, type Json, type Reply, startWorld, type World } from './world.ts'

// The whole life of an instance, over HTTP, with nothing but fetch. The steps build on each other: they are run as one story.

describe('an instance lives by HTTP alone:', () => {
  const over: (() => unknown)[] = []
  let world: World
  let customer: Customer
  let shop: Json
  let names: { web: string; worker: string }
  before(async () => {
    const end = { after: (end: unknown) => void over.push(end as () => unknown) }
    const machine = await startMachine({ webhooks: { allowAddresses: ['127.0.0.1'], allowHttp: true } })
    end.after(() => machine.dispose())
    world = await startWorld(end, {}, machine)
    customer = await world.tenant()
    names = { web: await world.machine.server('1'), worker: await world.machine.worker('1') }
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })

  /** The requests that changed something, in order. */
  const changes: { request: string; id: string }[] = []
  const send = async (method: string, path: string, sent = {}): Promise<Reply> => {
    const reply = await customer.send(method, path, sent)
    const changed = method !== 'GET' && reply.status < 300 && !path.endsWith('/plan')
    if (changed) changes.push({ request: `${method} ${path}`, id: reply.headers.get('x-request-id') ?? '' })
    return reply
  }
  const version = async (): Promise<string> =>
    (await ask(world.machine.slipway.front, `shop.${customer.id}.localhost`)).told().version
  const events = async (after: string, deploymentId: string) =>
    await listenTo(`${world.url}/v1/events/stream?after=${after}&deployment_id=${deploymentId}`, {
      authorization: `Bearer ${customer.token}`,
    })
  /** Listens until a deployment has ended, and reads it. */
  const ended = async ({ id, last_event_id }: Json): Promise<Json> => {
    const listener = await events(last_event_id, id)
    await listener.until(({ data }) => /^deploy\.(succeeded|failed|cancelled)$/.test(data.type))
    listener.cut()
    return (await send('GET', `/v1/deployments/${id}`)).body
  }
  const accepted = async (path: string, body?: unknown): Promise<Json> => {
    const reply = await send('POST', path, body === undefined ? {} : { body })
    assert.equal(reply.status, 202, JSON.stringify(reply.body))
    assert.equal(reply.headers.get('location'), `/v1/deployments/${reply.body.id}`)
    return reply.body
  }
  const succeeded = async (of: Json): Promise<Json> => {
    const end = await ended(of)
    assert.equal(end.state, 'succeeded', end.error)
    return end
  }
  const deploy = async (image: string, more = {}): Promise<Json> =>
    await accepted(`/v1/instances/${shop.id}/deployments`, { services: [{ name: 'web', image }], ...more })

  test('it is created, and comes up', async () => {
    const services = [wire(web(names.web, { replicas: 2 })), wire(worker(names.worker))]
    const made = await send('POST', '/v1/instances', { body: { name: 'shop', services, policies: wire(hasty) } })
    assert.equal(made.status, 202)
    assert.equal(made.headers.get('location'), `/v1/instances/${made.body.instance.id}`)
    await succeeded({ ...made.body.deployment, last_event_id: made.body.last_event_id })
    shop = (await send('GET', `/v1/instances/${made.body.instance.id}`)).body
    assert.equal(shop.state, 'running')
    assert.equal(await version(), '1')
    assert.deepEqual((await send('GET', '/v1/instances/summary')).body.instances, { running: 1 })
    const { items } = (await send('GET', `/v1/instances/${shop.id}/services`)).body
    assert.deepEqual(
      items.map((service: Json) => [service.name, service.replicas, service.running.length]),
      [
        ['web', 2, 2],
        ['worker', 1, 1],
      ],
    )
    const { items: replicas } = (await send('GET', `/v1/instances/${shop.id}/replicas`)).body
    assert.deepEqual(new Set(replicas.map((replica: Json) => replica.health)), new Set(['ready']))
  })

  test('it is found by what it is, and its version is known', async () => {
    for (const query of ['', '?q=sho', '?status=running,stopped', `?release_id=${shop.current_release_id}`]) {
      const { items, total } = (await send('GET', `/v1/instances${query}`)).body
      assert.deepEqual([items.length, items[0]?.id, total], [1, shop.id, 1], query)
    }
    for (const query of ['?q=kiosk', '?status=stopped', '?status=needs_attention']) {
      assert.deepEqual((await send('GET', `/v1/instances${query}`)).body, { items: [], total: 0 }, query)
    }
    const { headers } = await send('GET', `/v1/instances/${shop.id}`)
    const etag = headers.get('etag') ?? ''
    const again = await send('GET', `/v1/instances/${shop.id}`, { headers: { 'if-none-match': etag } })
    assert.deepEqual([again.status, again.body, again.headers.get('etag')], [304, '', etag])
  })

  for (const [strategy, options] of [
    ['rolling', {}],
    ['blue-green', { keepWarmSeconds: 0 }],
    ['recreate', {}],
    ['canary', { steps: [50], holdSeconds: 0, keepWarmSeconds: 0 }],
  ] as const) {
    test(`it is deployed by ${strategy}: planned, started, watched to its end`, async () => {
      const image = await world.machine.server(strategy)
      const body = { services: [{ name: 'web', image }], strategy, options, notes: `by ${strategy}`, commit_sha: 'abc' }
      const plan = (await send('POST', `/v1/instances/${shop.id}/plan`, { body })).body
      assert.equal(plan.strategy, strategy)
      const done = await succeeded(await accepted(`/v1/instances/${shop.id}/deployments`, body))
      assert.equal(done.notes, `by ${strategy}`)
      assert.equal(await version(), strategy)
      const { items } = (await send('GET', `/v1/deployments/${done.id}/steps`)).body
      assert.deepEqual(
        items.map((step: Json) => step.step.name),
        plan.steps.map((step: Json) => step.name),
      )
      assert.deepEqual(new Set(items.map((step: Json) => step.state)), new Set(['done']))
    })
  }

  test('a canary is followed across a cut connection, paused, resumed and promoted, and no event is missed or told twice', async () => {
    const options = { steps: [{ weight: 50, pause: true, holdSeconds: 0 }], keepWarmSeconds: 60 }
    const asked = await deploy(await world.machine.server('followed'), { strategy: 'canary', options })
    const first = await events(asked.last_event_id, asked.id)
    const before = await first.until(({ data }) => data.type === 'deploy.started')
    first.cut()
    const second = await events(before.at(-1)?.id ?? '', asked.id)
    const paused = await second.until(({ data }) => data.type === 'deploy.paused')
    second.cut()
    const now = (await send('GET', `/v1/deployments/${asked.id}`)).body
    assert.deepEqual(
      now.allowed_actions.filter((answer: Json) => answer.allowed).map((answer: Json) => answer.action),
      ['promote', 'pause', 'cancel'],
    )
    await accepted(`/v1/deployments/${asked.id}/pause`)
    await accepted(`/v1/deployments/${asked.id}/resume`)
    const third = await events(paused.at(-1)?.id ?? '', asked.id)
    await accepted(`/v1/deployments/${asked.id}/promote`, { gate: '50%' })
    const last = await third.until(({ data }) => data.type === 'deploy.succeeded')
    third.cut()
    const heard = [...before, ...paused, ...last].map(({ data }) => data)
    const { items } = (await send('GET', `/v1/events?deployment_id=${asked.id}&limit=200`)).body
    // What the end brought with it, in the same moment, comes after it.
    assert.deepEqual(heard, items.slice(0, heard.length))
    assert.deepEqual(
      items.slice(heard.length).map((event: Json) => event.type),
      ['release.activated'],
    )
    assert.equal(await version(), 'followed')
  })

  test('a rollout is cancelled, and what served before serves again; a retry is another deployment', async () => {
    const stuck = await world.machine.server('stuck', { unhealthy: 'no' })
    const asked = await deploy(stuck)
    const listener = await events(asked.last_event_id, asked.id)
    await listener.until(({ data }) => data.type === 'deploy.progress')
    listener.cut()
    await accepted(`/v1/deployments/${asked.id}/cancel`)
    const end = await ended(asked)
    assert.deepEqual([end.state, end.restored], ['cancelled', true])
    assert.equal(await version(), 'followed')
    const again = await accepted(`/v1/deployments/${asked.id}/retry`)
    assert.equal(again.retry_of, asked.id)
    await accepted(`/v1/deployments/${again.id}/cancel`)
    assert.equal((await ended(again)).state, 'cancelled')
    const late = await send('POST', `/v1/deployments/${asked.id}/cancel`)
    assert.deepEqual([late.status, late.body.code, late.body.state], [409, 'already_ended', 'cancelled'])
  })

  test('it is rolled back, by default to the release that was active before', async () => {
    const rolled = await succeeded(await accepted(`/v1/instances/${shop.id}/rollback`, {}))
    assert.equal(rolled.kind, 'rollback')
    assert.equal(await version(), 'canary')
    const { items } = (await send('GET', `/v1/instances/${shop.id}/releases?limit=200`)).body
    const first = items.at(-1)
    assert.equal(first.version, 1)
    await succeeded(
      await accepted(`/v1/instances/${shop.id}/rollback`, { release_id: first.id, notes: 'to the start' }),
    )
    assert.equal(await version(), '1')
    const diff = (await send('GET', `/v1/releases/${first.id}/diff/${rolled.release_id}`)).body
    assert.deepEqual(
      diff.items.map((difference: Json) => [difference.service, difference.field]),
      [
        ['web', 'image'],
        ['web', 'digest'],
      ],
    )
    const release = await send('GET', `/v1/releases/${first.id}`)
    assert.equal(release.body.active, true)
    const headers = { 'if-none-match': release.headers.get('etag') ?? '' }
    assert.equal((await send('GET', `/v1/releases/${first.id}`, { headers })).status, 304)
    const deployment = await send('GET', `/v1/deployments/${rolled.id}`)
    const known = { 'if-none-match': deployment.headers.get('etag') ?? '' }
    assert.equal((await send('GET', `/v1/deployments/${rolled.id}`, { headers: known })).status, 304)
  })

  test('a deploy that expects another release than the active one is refused with the one that is', async () => {
    const { items } = (await send('GET', `/v1/instances/${shop.id}/releases`)).body
    const stale = items.find((release: Json) => !release.active)
    const body = { services: [{ name: 'web', image: names.web }], expect_release: stale.id }
    const refused = await send('POST', `/v1/instances/${shop.id}/deployments`, { body })
    assert.deepEqual([refused.status, refused.body.code], [412, 'stale_release'])
    assert.ok(JSON.stringify(refused.body).includes(items.find((release: Json) => release.active).id))
  })

  test('a busy instance refuses who does not want to wait, and names what it is busy with', async () => {
    const options = { preview: true, keepWarmSeconds: 0 }
    const first = await deploy(await world.machine.server('waits'), { strategy: 'blue-green', options })
    const listener = await events(first.last_event_id, first.id)
    await listener.until(({ data }) => data.type === 'deploy.paused')
    listener.cut()
    const body = { services: [{ name: 'web', image: names.web }], if_busy: 'reject' }
    const refused = await send('POST', `/v1/instances/${shop.id}/deployments`, { body })
    assert.deepEqual([refused.status, refused.body.code], [409, 'instance_busy'])
    const look = refused.body.try.find((hint: Json) => hint.href)
    assert.equal((await send(look.method, look.href)).body.id, first.id)
    const moving = (await send('GET', '/v1/deployments?state=active')).body
    assert.deepEqual(
      moving.items.map((deployment: Json) => deployment.id),
      [first.id],
    )
    await accepted(`/v1/deployments/${first.id}/cancel`)
    assert.equal((await ended(first)).state, 'cancelled')
  })

  test('it is scaled, restarted, stopped and started', async () => {
    await succeeded(await accepted(`/v1/instances/${shop.id}/scale`, { replicas: { web: 1 } }))
    await succeeded(await accepted(`/v1/instances/${shop.id}/restart`, { services: ['worker'] }))
    await succeeded(await accepted(`/v1/instances/${shop.id}/stop`))
    assert.equal((await send('GET', `/v1/instances/${shop.id}`)).body.state, 'stopped')
    await succeeded(await accepted(`/v1/instances/${shop.id}/start`))
    assert.equal(await version(), '1')
    const { items } = (await send('GET', `/v1/deployments?instance_id=${shop.id}&kind=scale,restart,stop,start`)).body
    assert.deepEqual(
      items.map((deployment: Json) => deployment.kind),
      ['start', 'stop', 'restart', 'scale'],
    )
  })

  test('it is left alone while someone should look at it, and goes on once it is adopted', async () => {
    await world.machine.slipway.store.instances.update(shop.id, { needsAttention: 'Somebody should look.' })
    const refused = await send('POST', `/v1/instances/${shop.id}/restart`)
    assert.deepEqual([refused.status, refused.body.code], [409, 'needs_attention'])
    const adopted = await send('POST', `/v1/instances/${shop.id}/adopt`)
    assert.deepEqual([adopted.status, adopted.body.leaves], [200, []])
    assert.equal(adopted.body.instance.needs_attention, undefined)
  })

  test('what it left behind is looked at', async () => await lookBack(send, shop))

  test('lists go on from page to page by the link they give', async () => {
    const kinds: string[] = []
    let next: string | undefined = `/v1/deployments?instance_id=${shop.id}&limit=3`
    while (next !== undefined) {
      const page: Reply = await send('GET', next)
      kinds.push(...page.body.items.map((deployment: Json) => deployment.id))
      next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
      assert.equal(page.body.next_cursor === undefined, next === undefined)
    }
    const whole = (await send('GET', `/v1/deployments?instance_id=${shop.id}&limit=200`)).body
    assert.deepEqual(
      kinds,
      whole.items.map((deployment: Json) => deployment.id),
    )
    assert.equal(whole.total, kinds.length)
  })

  test('secrets go in, and come out as names and versions', async () => {
    const body = { name: 'api-key', value: 'hush-hush' }
    assert.equal((await send('POST', '/v1/secrets', { body })).status, 201)
    const rotated = await send('POST', '/v1/secrets/api-key/rotate', { body: { value: 'hush-hush-2' } })
    assert.equal(rotated.body.version, 2)
    await send('POST', '/v1/secrets/api-key/versions/1/revoke')
    const one = await send('GET', '/v1/secrets/api-key')
    assert.deepEqual(
      one.body.versions.map((version: Json) => [version.version, version.revoked_at !== undefined]),
      [
        [1, true],
        [2, false],
      ],
    )
    assert.equal((await send('GET', '/v1/secrets')).body.items.length, 1)
    const etag = one.headers.get('etag') ?? ''
    assert.equal((await send('GET', '/v1/secrets/api-key', { headers: { 'if-none-match': etag } })).status, 304)
    assert.equal((await send('DELETE', '/v1/secrets/api-key', { headers: { 'if-match': etag } })).status, 204)
    assert.equal((await send('GET', '/v1/secrets/api-key')).status, 404)
  })

  test('tokens are made, rotated and revoked, and each shows its secret once', async () => {
    const made = await send('POST', '/v1/tokens', { body: { name: 'ci', scopes: ['deploy'] } })
    assert.equal(made.status, 201)
    assert.deepEqual((await send('GET', '/v1/whoami', { token: made.body.secret })).body.scopes, ['read', 'deploy'])
    const rotated = await send('POST', `/v1/tokens/${made.body.id}/rotate`, { body: { overlap_seconds: 0 } })
    assert.equal((await send('GET', '/v1/whoami', { token: made.body.secret })).status, 401)
    assert.equal((await send('GET', '/v1/whoami', { token: rotated.body.secret })).status, 200)
    const one = await send('GET', `/v1/tokens/${made.body.id}`)
    const etag = one.headers.get('etag') ?? ''
    assert.equal((await send('GET', `/v1/tokens/${made.body.id}`, { headers: { 'if-none-match': etag } })).status, 304)
    const all = JSON.stringify((await send('GET', '/v1/tokens')).body)
    for (const { secret } of [made.body, rotated.body]) assert.ok(!all.includes(secret))
    const gone = await send('DELETE', `/v1/tokens/${made.body.id}`, { headers: { 'if-match': etag } })
    assert.ok(gone.body.revoked_at)
    assert.equal((await send('GET', '/v1/whoami', { token: rotated.body.secret })).status, 401)
  })

  webhookChapter(send, over)

  test('logs are read at once and followed, each line with a place to come back to', async () => {
    const image = await world.machine.server('loud', { prints: ['one', 'two', 'three'] })
    const done = await succeeded(await deploy(image))
    const mine = (lines: Json[]): string[] =>
      lines.map(line => line.text).filter(text => ['one', 'two', 'three'].includes(text))
    assert.deepEqual(mine((await send('GET', `/v1/instances/${shop.id}/logs?service=web`)).body.items), [
      'one',
      'two',
      'three',
    ])
    assert.deepEqual(mine((await send('GET', `/v1/deployments/${done.id}/logs`)).body.items), ['one', 'two', 'three'])
    const two = (await send('GET', `/v1/deployments/${done.id}/logs?tail=2&service=web`)).body.items
    assert.deepEqual(two, (await send('GET', `/v1/deployments/${done.id}/logs?service=web`)).body.items.slice(-2))
    for (const where of [`instances/${shop.id}`, `deployments/${done.id}`]) {
      const authorization = `Bearer ${customer.token}`
      const first = await listenTo(`${world.url}/v1/${where}/logs/stream?service=web`, { authorization })
      const heard = await first.until(({ data }) => data.text === 'two')
      first.cut()
      const second = await listenTo(`${world.url}/v1/${where}/logs/stream?service=web`, {
        authorization,
        'last-event-id': heard.at(-1)?.id ?? '',
      })
      assert.equal((await second.next())?.data.text, 'three', where)
      second.cut()
    }
  })

  test('a command is run once beside it: followed to its end, read, and stopped', async () => {
    const run = (command: string[]) =>
      send('POST', `/v1/instances/${shop.id}/tasks`, { body: { service: 'web', command } })
    const asked = await run(['sh', '-c', 'echo one; echo two; exit 4'])
    assert.equal(asked.status, 202)
    assert.equal(asked.headers.get('location'), `/v1/tasks/${asked.body.id}`)
    const authorization = `Bearer ${customer.token}`
    const path = `/v1/tasks/${asked.body.id}`
    const heard: string[] = []
    const first = await listenTo(`${world.url}${path}/logs/stream`, { authorization })
    heard.push((await first.until(({ data }) => data.text === 'one')).at(-1)?.id ?? '')
    first.cut()
    const second = await listenTo(`${world.url}${path}/logs/stream`, { authorization, 'last-event-id': heard[0] ?? '' })
    const rest: Json[] = []
    for (let message = await second.next(); message; message = await second.next()) rest.push(message)
    assert.deepEqual(
      rest.map(({ id, data }) => [id, data.text ?? data.state]),
      [
        ['2', 'two'],
        ['2', 'failed'],
      ],
    )
    const end = await send('GET', path)
    assert.deepEqual([end.body.state, end.body.exit_code, end.body.output], ['failed', 4, ['one', 'two']])
    const known = { 'if-none-match': end.headers.get('etag') ?? '' }
    assert.equal((await send('GET', path, { headers: known })).status, 304)
    assert.deepEqual(
      (await send('GET', `${path}/logs`)).body.items.map((line: Json) => line.text),
      ['one', 'two'],
    )
    const long = (await run(['sleep', '600'])).body
    assert.equal((await send('POST', `/v1/tasks/${long.id}/cancel`)).status, 202)
    const { items } = (await send('GET', `/v1/instances/${shop.id}/tasks`)).body
    assert.deepEqual(
      items.map((task: Json) => task.id),
      [long.id, asked.body.id],
    )
    const late = await send('POST', `${path}/cancel`)
    assert.deepEqual([late.status, late.body.code], [409, 'already_ended'])
  })

  test('it is changed by who saw how it is, and deleted by who names it', async () => {
    const path = `/v1/instances/${shop.id}`
    const body = { hosts: ['shop.example'] }
    assert.equal((await send('PATCH', path, { body })).body.code, 'precondition_required')
    const etag = (await send('GET', path)).headers.get('etag') ?? ''
    const changed = await send('PATCH', path, { body, headers: { 'if-match': etag } })
    assert.deepEqual([changed.status, changed.body.hosts], [200, ['shop.example']])
    const stale = await send('PATCH', path, { body: { hosts: [] }, headers: { 'if-match': etag } })
    assert.deepEqual([stale.status, stale.body.code], [412, 'precondition_failed'])
    const now = { 'if-match': changed.headers.get('etag') ?? '' }
    assert.equal((await send('DELETE', path, { headers: now })).body.code, 'not_confirmed')
    assert.equal((await send('DELETE', `${path}?confirm=kiosk`, { headers: now })).body.code, 'not_confirmed')
    assert.equal((await send('DELETE', `${path}?confirm=shop`)).body.code, 'precondition_required')
    assert.equal((await send('GET', path)).body.state, 'running')
    const deleting = await send('DELETE', `${path}?confirm=shop`, { headers: now })
    assert.equal(deleting.status, 202)
    await succeeded(deleting.body)
    assert.equal((await send('GET', path)).body.state, 'deleted')
    assert.deepEqual((await send('GET', '/v1/instances')).body.items, [])
  })

  test('whatever was changed is in the audit log, once, and nothing that was refused is', async () => {
    const { items, total } = (await send('GET', '/v1/audit?limit=200')).body
    assert.equal(items.length, total)
    const asked = items.filter((entry: Json) => entry.origin?.via === 'api').toReversed()
    assert.deepEqual(
      asked.map((entry: Json) => entry.origin.request_id),
      changes.map(({ id }) => id),
      JSON.stringify(changes.filter(({ id }) => !asked.some((entry: Json) => entry.origin.request_id === id))),
    )
    for (const entry of asked) assert.deepEqual([entry.actor, entry.origin.address], ['ana', '127.0.0.1'])
    assert.deepEqual(
      new Set(items.map((entry: Json) => entry.action)),
      new Set(auditActions.filter(action => action !== 'release.record_initial' && !action.startsWith('tenant.'))),
    )
    assert.ok(!JSON.stringify(items).includes('hush-hush'))
  })

  test('the audit log is searched by who, what and when, and taken along as a file', async () => {
    const [scale] = (await send('GET', '/v1/audit?action=instance.scale')).body.items
    assert.deepEqual([scale.before, scale.after.replicas], [{ replicas: { web: 2 } }, { web: 1 }])
    const [update] = (await send('GET', `/v1/audit?object=${shop.id}&action=instance.update`)).body.items
    assert.deepEqual([update.before, update.after], [{ hosts: [] }, { hosts: ['shop.example'] }])
    const [promoted] = (await send('GET', '/v1/audit?action=deployment.promote')).body.items
    assert.equal(promoted.after.gate, '50%')
    assert.deepEqual((await send('GET', '/v1/audit?actor=nobody')).body, { items: [], total: 0 })
    const since = encodeURIComponent(update.created_at)
    const late = (await send('GET', `/v1/audit?since=${since}`)).body.total
    const early = (await send('GET', `/v1/audit?until=${since}`)).body.total
    assert.equal(late + early, (await send('GET', '/v1/audit')).body.total)
    assert.equal((await send('GET', '/v1/audit?action=made.up')).status, 400)
    const lines = String((await send('GET', '/v1/audit/export?action=instance.scale,instance.update')).body)
      .trimEnd()
      .split('\n')
    assert.deepEqual(
      lines.map(line => JSON.parse(line).id),
      [update.id, scale.id],
    )
    const csv = String((await send('GET', '/v1/audit/export?format=csv&actor=ana')).body).split('\r\n')
    assert.match(csv[0] ?? '', /^"created_at","tenant_id","actor","action"/)
    assert.equal(csv.length - 2, (await send('GET', '/v1/audit?actor=ana')).body.total)
  })
  tenantChapter(() => world)

  test('every answer that the document tells of was met, and was as it says', async () => {
    for (const [form, operations] of Object.entries(world.document.paths)) {
      for (const method of Object.keys(operations)) {
        await world.send(method.toUpperCase(), form.replaceAll(/\{\w+\}/g, 'x'))
      }
    }
    await world.send('GET', '/v1/problems/not_found')
    await world.send('GET', '/metrics', { token: world.operator })
    const streams = /\/stream 200$/
    const broken = /^GET \/readyz 503$/
    assert.deepEqual(
      world.document.unmet().filter(answer => !streams.test(answer) && !broken.test(answer)),
      [],
    )
  })
})
