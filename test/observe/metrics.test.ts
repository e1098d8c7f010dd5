import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Event, eventTypes } from '../../src/event/event.ts'
import { startWorld, type World } from '../server/world.ts'
import { quick, web } from '../support/services.ts'
import { readSamples, type Samples } from './samples.ts'

// Every deployment that this file makes runs before the counts are compared: the metrics of one Slipway, against its own log.

describe('metrics', () => {
  const over: (() => unknown)[] = []
  let world: World
  let samples: Samples
  let log: readonly Event[]
  let instanceId: string
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
    await live()
    samples = await scrape()
    log = await world.machine.slipway.store.events.read({ after: 0, limit: 10_000 })
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })

  const scrape = async (headers = {}): Promise<Samples> =>
    readSamples((await world.send('GET', '/metrics', { token: world.operator, headers })).body)

  /** Deploys by each strategy, a failure, a cancel, a rollback, a pause and a heal. */
  async function live(): Promise<void> {
    const { machine } = world
    const tenant = machine.tenant()
    const { acting } = tenant
    const image = async (version: string, own = {}) => await machine.server(version, own)
    const shop = await tenant.up([web(await image('1'))])
    instanceId = shop.id
    const deploy = async (version: string, strategy: string, options: object, own = {}) =>
      await acting.deploy({
        instanceId,
        services: [{ name: 'web', image: await image(version, own), healthCheck: quick }],
        strategy,
        options: options as Record<string, unknown>,
      })
    await tenant.done(await deploy('2', 'rolling', {}))
    await tenant.done(await deploy('3', 'recreate', {}))
    await tenant.done(await deploy('4', 'blue-green', { keepWarmSeconds: 60 }))
    const paused = await deploy('5', 'canary', {
      steps: [{ weight: 50, pause: true, holdSeconds: 0 }],
      keepWarmSeconds: 60,
    })
    await tenant.reach(paused, now => now.reason?.code === 'awaiting_promote')
    await acting.promote(paused.id)
    await tenant.done(paused)
    assert.equal((await tenant.end(await deploy('6', 'rolling', {}, { exits: 1 }))).state, 'failed')
    const cancelled = await deploy('7', 'rolling', {}, { unhealthy: 'no' })
    await tenant.reach(cancelled, now => now.reason?.code === 'health')
    await acting.cancel(cancelled.id)
    assert.equal((await tenant.end(cancelled)).state, 'cancelled')
    const { id: back } = await acting.previousRelease(instanceId)
    await tenant.done(await acting.rollback({ instanceId, releaseId: back }))
    const { pid } = (await tenant.ask()).told()
    const healed = machine.slipway.bus.watch({ types: ['instance.healed'] }, AbortSignal.timeout(60_000))
    const first = healed[Symbol.asyncIterator]().next()
    process.kill(pid, 'SIGKILL')
    await first
  }

  test('agree with the log of events, type by type', () => {
    for (const type of eventTypes) {
      const told = log.filter(event => event.type === type).length
      assert.equal(samples.value('slipway_events_total', { type }), told, type)
    }
    assert.equal(samples.value('slipway_event_log_position'), log.at(-1)?.seq)
    assert.equal(samples.value('slipway_reconciler_acts_total', { act: 'healed' }), 1)
  })

  test('count deployments as the log tells them: by kind, strategy and state', () => {
    const ends = log.filter(({ type }) => /^deploy\.(succeeded|failed|cancelled|rolled_back)$/.test(type))
    assert.ok(ends.length >= 9, `${ends.length} ended`)
    for (const { type, data } of ends) {
      const labels = { kind: String(data?.['kind']), strategy: String(data?.['strategy']), state: type.slice(7) }
      const same = ends.filter(
        end => end.type === type && end.data?.['kind'] === labels.kind && end.data['strategy'] === labels.strategy,
      )
      assert.equal(samples.value('slipway_deployments_total', labels), same.length, JSON.stringify(labels))
    }
    const never = { kind: 'deploy', strategy: 'canary', state: 'failed' }
    assert.equal(samples.value('slipway_deployments_total', never), 0, 'what has not happened yet is 0, not absent')
  })

  test('split what steps take into work and waiting for people', async () => {
    const deployments = [...new Set(log.flatMap(({ deploymentId }) => deploymentId ?? []))]
    const steps = (await Promise.all(deployments.map(id => world.machine.slipway.store.work.steps(id)))).flat()
    const pauses = steps.filter(({ step }) => step.kind === 'pause')
    assert.equal(pauses.length, 1)
    assert.equal(samples.value('slipway_human_wait_seconds_count', { asked_by: 'plan' }), pauses.length)
    for (const phase of ['forward', 'undo'] as const) {
      const worked = steps.filter(record => record.phase === phase && record.step.kind !== 'pause' && record.endedAt)
      assert.ok(worked.length > 0, phase)
      assert.equal(samples.value('slipway_step_work_seconds_count', { phase }), worked.length, phase)
    }
  })

  test('tell how long deployments waited for their turn and took, for each that started and ended', () => {
    const started = log.filter(({ type }) => type === 'deploy.started').length
    assert.equal(samples.value('slipway_deployment_queue_wait_seconds_count'), started)
    assert.equal(samples.value('slipway_deployment_duration_seconds_count'), started)
    assert.equal(samples.value('slipway_oldest_pending_deployment_seconds'), 0)
  })

  test('tell what was done to replicas, what was claimed and what the store took', () => {
    for (const act of ['started', 'stopped', 'removed']) {
      assert.ok(samples.value('slipway_replica_acts_total', { act }) > 0, act)
    }
    assert.ok(samples.value('slipway_lease_claims_total') > 0)
    assert.equal(samples.value('slipway_lease_losses_total'), 0)
    assert.equal(samples.value('slipway_stale_writes_refused_total'), 0)
    assert.ok(samples.value('slipway_store_transaction_seconds_count', { outcome: 'committed' }) > 0)
    assert.equal(samples.value('slipway_instances', { state: 'running' }), 1)
    assert.equal(samples.value('slipway_scrape_faults'), 0)
  })

  test('tell the traffic of each revision that is wanted as the router counts it, and forget the retired ones', async () => {
    const { store, router } = world.machine.slipway
    const counted = await router.traffic(instanceId)
    const wanted = (await store.work.load(instanceId))?.table.map(({ revision }) => revision) ?? []
    const told = samples.labels('slipway_proxy_requests_total').map(({ revision }) => revision)
    assert.deepEqual(new Set(told), new Set(wanted))
    assert.ok(counted.length > wanted.length, 'the router remembers more')
    const serving = counted.find(({ revision, requests }) => wanted.includes(revision) && requests > 0)
    assert.ok(serving)
    const { service, revision, requests, errors } = serving
    assert.equal(samples.value('slipway_proxy_requests_total', { service, revision }), requests)
    assert.equal(samples.value('slipway_proxy_response_seconds_count', { revision }), requests - errors)
    assert.equal(samples.value('slipway_proxy_response_seconds_bucket', { revision, le: '+Inf' }), requests - errors)
  })

  test('count requests by the pattern of their path, and never by the path', async () => {
    await world.send('GET', `/v1/instances/${instanceId}`)
    await world.send('GET', '/no/such/path')
    const now = await scrape()
    assert.equal(now.value('slipway_http_requests_total', { route: '/v1/instances/{id}', status: '401' }), 1)
    assert.equal(now.value('slipway_http_requests_total', { route: 'none', status: '404' }), 1)
    assert.equal(now.value('slipway_http_request_duration_seconds_count', { route: 'none' }), 1)
    const { body } = await world.send('GET', '/metrics', { token: world.operator })
    assert.ok(!body.includes('/no/such/path'))
  })

  test('are told as OpenMetrics to whoever accepts that: the same samples, and an end', async () => {
    const { headers, body } = await world.send('GET', '/metrics', {
      token: world.operator,
      headers: { accept: 'application/openmetrics-text; version=1.0.0, text/plain;q=0.5' },
    })
    assert.match(headers.get('content-type') ?? '', /^application\/openmetrics-text; version=1\.0\.0/)
    assert.ok(body.endsWith('\n# EOF\n'))
    const open = readSamples(body)
    assert.equal(open.types.get('slipway_events'), 'counter')
    assert.deepEqual([...open.names].toSorted(), [...(await scrape()).names].toSorted())
  })

  test('keep to the conventions: a unit or _total at the end of each name, and a help for each family', async () => {
    const { body } = await world.send('GET', '/metrics', { token: world.operator })
    for (const [family, type] of samples.types) {
      if (type === 'counter') assert.match(family, /_total$/)
      if (type === 'histogram') assert.match(family, /_seconds$/)
      assert.match(body, new RegExp(`^# HELP ${family} [A-Z].{15,}\\.$`, 'm'))
    }
  })
})
