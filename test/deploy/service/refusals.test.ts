import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { errorCodes, isSlipwayError } from '../../../src/errors.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import { fakeClock, fakeProvider } from '../../../src/provider/fake/index.ts'
import { type House, house, quick } from '../../engine/harness.ts'
import { ended } from '../../engine/scenes.ts'

type Refused = readonly [code: string, how: string, ask: (h: House, shop: Instance) => Promise<unknown>]

const image = 'fake:web-2'
const web = { name: 'web', image }
const deploy =
  (request: object) =>
  (h: House, shop: Instance): Promise<unknown> =>
    h.acme.deploy({ instanceId: shop.id, services: [web], ...request })
const complete = (...services: object[]) => deploy({ complete: true, services })

const deploys: readonly Refused[] = [
  ['not_found', 'an instance that is not there', h => h.acme.deploy({ instanceId: 'inst_none', services: [web] })],
  ['unknown_strategy', 'a strategy nobody registered', deploy({ strategy: 'big-bang' })],
  ['bad_options', 'options the strategy does not have', deploy({ options: { maxsurge: 2 } })],
  ['bad_options', 'options no rollout can follow', deploy({ options: { maxSurge: 0, maxUnavailable: 0 } })],
  ['empty_services', 'no service at all', deploy({ services: [] })],
  ['unknown_service', 'a service the instance does not have', deploy({ services: [{ name: 'wbe', image }] })],
  ['duplicate_service', 'a service named twice', deploy({ services: [web, web] })],
  ['empty_image', 'an empty image', deploy({ services: [{ name: 'web', image: '' }] })],
  ['empty_image', 'an image of blanks', deploy({ services: [{ name: 'web', image: '  ' }] })],
  ['image_unavailable', 'an image that cannot be had', deploy({ services: [{ name: 'web', image: 'other:1' }] })],
  ['missing_capability', 'what the provider cannot do', deploy({ services: [{ ...web, resources: { cpu: 1 } }] })],
  [
    'unknown_port',
    'a check of a port no service has',
    deploy({ services: [{ ...web, healthCheck: { type: 'tcp', port: 'grpc' } }] }),
  ],
  [
    'bad_health_check',
    'a check that cannot be',
    deploy({ services: [{ name: 'worker', image, healthCheck: { type: 'tcp' } }] }),
  ],
  ['unknown_reference', 'an address of nobody', deploy({ services: [{ ...web, env: { API: '$URL_APII' } }] })],
  [
    'unknown_reference',
    'an address of one without a port',
    deploy({ services: [{ ...web, env: { W: '$URL_WORKER' } }] }),
  ],
  ['unknown_service', 'a dependency on nobody', deploy({ services: [{ ...web, dependsOn: ['cache'] }] })],
  [
    'dependency_cycle',
    'a circle',
    complete({ ...web, dependsOn: ['api'] }, { name: 'api', image, dependsOn: ['web'] }),
  ],
  ['unknown_secret', 'a secret nobody stored', deploy({ services: [{ ...web, secrets: { TOKEN: 'nothing' } }] })],
  ['stale_release', 'another active release than expected', deploy({ expectRelease: 'rel_other' })],
  ['invalid_request', 'a field that is not known', deploy({ strategie: 'rolling' })],
  ['invalid_request', 'a name with ../', deploy({ services: [{ name: '../web', image }] })],
  ['invalid_request', 'a name with a NUL', deploy({ services: [{ name: 'we\0b', image }] })],
  ['invalid_request', 'a name with an emoji', deploy({ services: [{ name: 'web🚀', image }] })],
  ['invalid_request', 'an env of 10 MB', deploy({ services: [{ ...web, env: { BIG: 'x'.repeat(10_000_000) } }] })],
  ['invalid_request', 'nothing', h => h.acme.deploy(undefined as never)],
  ['invalid_request', 'no instance', h => h.acme.deploy({ services: [web] } as never)],
]

const others: readonly Refused[] = [
  [
    'not_found',
    'rollback of a release that is not there',
    (h, shop) => h.acme.rollback({ instanceId: shop.id, releaseId: 'rel_none' }),
  ],
  [
    'not_found',
    'rollback of a release of another instance',
    async (h, shop) => {
      const other = await h.shop({ name: 'other' })
      return await unwritten(h, () => h.acme.rollback({ instanceId: shop.id, releaseId: other.currentReleaseId ?? '' }))
    },
  ],
  [
    'never_active',
    'rollback of a release that was never active',
    async (h, shop) => {
      const failed = await ended(h, shop, 'failed')
      return await unwritten(h, () => h.acme.rollback({ instanceId: shop.id, releaseId: failed.releaseId }))
    },
  ],
  ['unknown_service', 'scale of nobody', (h, shop) => h.acme.instances.scale(shop.id, { wbe: 2 })],
  ['empty_services', 'scale of nothing', (h, shop) => h.acme.instances.scale(shop.id, {})],
  ['invalid_request', 'scale to none', (h, shop) => h.acme.instances.scale(shop.id, { web: 0 })],
  ['unknown_service', 'restart of nobody', (h, shop) => h.acme.instances.restart(shop.id, ['wbe'])],
  ['instance_state', 'start of one that runs', (h, shop) => h.acme.instances.start(shop.id)],
  ['unknown_service', 'exposing nobody', (h, shop) => h.acme.instances.update(shop.id, { expose: 'wbe' })],
  ['unknown_port', 'exposing one without a port', (h, shop) => h.acme.instances.update(shop.id, { expose: 'worker' })],
  ['already_exists', 'a name that is taken', h => h.acme.instances.create({ name: 'shop', services: [web] })],
  [
    'unknown_provider',
    'a provider nobody registered',
    h => h.acme.instances.create({ name: 'other', services: [web], provider: 'swarm' }),
  ],
  ['empty_services', 'an instance of nothing', h => h.acme.instances.create({ name: 'other', services: [] })],
  [
    'invalid_request',
    'two exposed services',
    h =>
      h.acme.instances.create({
        name: 'other',
        services: ['a', 'b'].map(name => ({
          name,
          image,
          ports: [{ name: 'http' }],
          expose: true,
          healthCheck: quick,
        })),
      }),
  ],
  ['not_found', 'cancel of nothing', h => h.acme.cancel('dep_none')],
  ['not_found', 'retry of nothing', h => h.acme.retry('dep_none')],
]

describe('refused before anything is written, with a code, a sentence and what to do next', () => {
  for (const [code, how, ask] of [...deploys, ...others]) {
    test(`${how}: ${code}`, async t => {
      const clock = fakeClock()
      const provider = fakeProvider({ clock, capabilities: ['command-probe'] })
      const h = await house(t, { clock, provider })
      const shop = await h.shop()
      const error = await unwritten(h, () => ask(h, shop))
      assert.ok(isSlipwayError(error, code as keyof typeof errorCodes), String(error))
      assert.match(error.message, /\.$/u)
      if (
        !['duplicate_service', 'invalid_request', 'unknown_service', 'instance_state', 'already_exists'].includes(code)
      )
        assert.ok(error.next, `${error.message} says not what to do next`)
    })
  }

  for (const state of ['stopped', 'provisioning', 'deleting', 'deleted'] as const) {
    test(`a deploy, a rollback, a scale and a restart of an instance that is ${state}`, async t => {
      const h = await house(t)
      const shop = await inState(h, state)
      const refused = { code: 'instance_state', details: { state } }
      const rollback = () => h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' })
      for (const ask of [
        () => h.acme.deploy({ instanceId: shop.id, services: [web] }),
        () => h.acme.plan({ instanceId: shop.id, services: [web] }),
        ...(shop.currentReleaseId === undefined ? [] : [rollback]),
        () => h.acme.instances.scale(shop.id, { web: 2 }),
        () => h.acme.instances.restart(shop.id),
      ]) {
        const error = await unwritten(h, ask)
        assert.ok(isSlipwayError(error, 'instance_state'), String(error))
        assert.deepEqual({ code: error.code, details: error.details }, refused)
      }
    })
  }
})

async function inState(h: House, state: 'stopped' | 'provisioning' | 'deleting' | 'deleted'): Promise<Instance> {
  if (state === 'provisioning') {
    h.world.script({}, { readyMs: 'never' })
    const services = [{ ...web, ports: [{ name: 'http' }] }]
    const { instance } = await h.acme.instances.create({ name: 'shop', services })
    await h.clock.advance(2000)
    return instance
  }
  const shop = await h.shop()
  if (state === 'stopped') await h.end(await h.acme.instances.stop(shop.id))
  else {
    h.world.script({}, { stopMs: 5000 })
    const gone = await h.acme.instances.delete(shop.id)
    if (state === 'deleted') await h.end(gone)
    else h.world.unreachable = true
  }
  return shop
}

/** What the call is refused with; nothing may have been written. */
async function unwritten(h: House, ask: () => Promise<unknown>): Promise<unknown> {
  const before = await rows(h)
  let refusal: unknown
  try {
    const answer = await ask()
    if (isSlipwayError(answer)) return answer
    assert.fail(`it was accepted: ${JSON.stringify(answer)}`)
  } catch (error) {
    refusal = error
  }
  assert.deepEqual(await rows(h), before)
  return refusal
}

/** How much has been written. */
async function rows({ acme, store }: House): Promise<unknown> {
  const { items, total } = await acme.instances.list()
  const each = items.map(async ({ id }) => [
    (
      await store.deploys.listDeployments('acme', id, {
        kinds: ['deploy', 'rollback', 'scale', 'restart', 'start', 'stop'],
      })
    ).total,
    (await store.deploys.listReleases('acme', id)).total,
    (await store.work.load(id))?.instance.updatedAt,
  ])
  return { total, each: await Promise.all(each), events: await store.events.lastSeq() }
}
