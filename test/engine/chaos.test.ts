import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { hasEnded } from '../../src/deploy/deployment.ts'
import { isSlipwayError, messageOf } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Random, seededRandom } from '../../src/provider/fake/random.ts'
import { type House, house, quick, successor } from './harness.ts'
import { type Life, life } from './mortal.ts'
import { allDeployments, assertSound, settled } from './sound.ts'

const seeds = process.env.SLIPWAY_TEST_FULL ? 200 : 12
const moves = 30

/** What a caller may be told in a storm; anything else is a defect. */
const expected = new Set([
  'instance_state',
  'instance_busy',
  'already_ended',
  'undoing',
  'not_paused',
  'never_active',
  'not_retryable',
  'unknown_service',
  'stale_release',
  'empty_services',
  'unknown_reference',
  'not_found',
])

describe('whatever is asked and whatever breaks, all of it ends and the instance comes to rest', () => {
  for (let seed = 1; seed <= seeds; seed++) {
    test(`seed ${seed}`, async t => {
      const storm = await begin(t, seed)
      for (let move = 0; move < moves; move++) await next(t, storm)
      await calm(storm)
      await settled(storm.h, storm.shop.id, 1_200_000)
      await assertSound(storm.h, storm.shop.id)
      if (seed % 4 === 0) await remove(storm)
    })
  }
})

/** What the instance may be made of. */
function specs(tag: string) {
  const routed = { ports: [{ name: 'http' }], healthCheck: quick }
  return [
    { name: 'web', image: `fake:web-${tag}`, ...routed, replicas: 2, dependsOn: ['api'] },
    { name: 'api', image: `fake:api-${tag}`, ...routed, replicas: 2 },
    { name: 'db', image: `fake:db-${tag}`, ...routed, exclusive: true },
    { name: 'worker', image: `fake:worker-${tag}`, replicas: 2, graceMs: 1000 },
    { name: 'extra', image: `fake:extra-${tag}`, ...routed, dependsOn: ['web'] },
  ]
}

interface Storm {
  h: House
  life: Life
  readonly shop: Instance
  readonly random: Random
  readonly log: string[]
}

async function begin(t: TestContext, seed: number): Promise<Storm> {
  const first = life()
  const h = await house(t, { life: first })
  for (const service of ['web', 'api', 'db', 'worker', 'extra']) {
    h.world.script({ image: `fake:${service}-slow` }, { startMs: [0, 300], readyMs: [0, 2000], stopMs: [0, 500] })
    h.world.script({ image: `fake:${service}-never` }, { readyMs: 'never' })
    h.world.script({ image: `fake:${service}-crash` }, { exit: { afterMs: [10, 3000], code: 1 } })
    h.world.script({ image: `fake:${service}-stubborn` }, { stopMs: 'never' })
    h.world.image(`fake:${service}-gone`, { unavailable: 'prepare' })
  }
  const shop = await h.shop({
    policies: { progressDeadlineMs: 5000, pauseDeadlineMs: 60_000, drainMs: 2000 },
    services: specs('0').slice(0, 4),
  })
  return { h, life: first, shop, random: seededRandom(seed), log: [] }
}

async function next(t: TestContext, storm: Storm): Promise<void> {
  const { h, random } = storm
  const { state } = await h.acme.instances.get(storm.shop.id)
  const [name, move] = state === 'stopped' && random() < 0.7 ? start : pick(storm, [...asked, ...asked, ...broken])
  storm.log.push(name)
  try {
    await move(storm, t)
  } catch (error) {
    assert.ok(
      isSlipwayError(error) && expected.has(error.code),
      `${name}: ${messageOf(error)}\n${storm.log.join(', ')}`,
    )
    storm.log.push(error.code)
  }
  await h.clock.advance(Math.floor(random() ** 2 * 3000))
}

type Move = readonly [name: string, move: (storm: Storm, t: TestContext) => unknown]

const images = ['1', '2', '3', '4', 'slow', 'slow', 'never', 'crash', 'stubborn', 'gone'] as const

const asked: readonly Move[] = [
  ['deploy', storm => deploy(storm, 'rolling')],
  ['blue-green', storm => deploy(storm, 'blue-green', { keepWarmSeconds: pick(storm, [0, 5, 300]) })],
  ['recreate', storm => deploy(storm, 'recreate')],
  ['canary', storm => deploy(storm, 'canary', { steps: [{ weight: 50, holdSeconds: pick(storm, [0, 1, 40]) }] })],
  [
    'gated canary',
    storm => deploy(storm, 'canary', { steps: [{ weight: 30, holdSeconds: 0, pause: true, pauseSeconds: 20 }] }),
  ],
  [
    'complete deploy',
    storm =>
      storm.h.acme.deploy({
        instanceId: storm.shop.id,
        services: specs(pick(storm, ['1', '2', 'slow'])).filter(({ name }) => name === 'api' || storm.random() < 0.8),
        complete: true,
        strategy: pick(storm, ['rolling', 'blue-green', 'canary', 'recreate']),
        ...(storm.random() < 0.5 ? { ifBusy: 'supersede' as const } : {}),
      }),
  ],
  ['superseding deploy', storm => deploy(storm, 'rolling', {}, 'supersede')],
  [
    'rollback',
    async storm => {
      const { items } = await storm.h.acme.listReleases(storm.shop.id, { limit: 50 })
      return await storm.h.acme.rollback({ instanceId: storm.shop.id, releaseId: pick(storm, items).id })
    },
  ],
  ['cancel', async storm => await storm.h.acme.cancel((await someRun(storm)).id)],
  ['pause', async storm => await storm.h.acme.pause((await someRun(storm)).id)],
  ['resume', async storm => await storm.h.acme.resume((await someRun(storm)).id)],
  ['promote', async storm => await storm.h.acme.promote((await someRun(storm)).id)],
  ['retry', async storm => await storm.h.acme.retry((await someRun(storm)).id)],
  ['scale', storm => storm.h.acme.instances.scale(storm.shop.id, { web: pick(storm, [1, 2, 3, 4]) })],
  ['restart', storm => storm.h.acme.instances.restart(storm.shop.id, [pick(storm, ['web', 'db', 'worker'])])],
  ['stop', storm => storm.h.acme.instances.stop(storm.shop.id)],
]

const start: Move = ['start', storm => storm.h.acme.instances.start(storm.shop.id)]

const broken: readonly Move[] = [
  [
    'crash',
    storm => {
      const living = storm.h.world.replicas(storm.shop.id).filter(replica => replica.state !== 'exited')
      if (living.length > 0) storm.h.world.crash(storm.shop.id, pick(storm, living).name)
    },
  ],
  [
    'sick',
    storm => {
      const living = storm.h.world.replicas(storm.shop.id)
      if (living.length > 0) storm.h.world.setCondition(storm.shop.id, pick(storm, living).name, 'sick')
    },
  ],
  [
    'flaky platform',
    storm => storm.h.world.fault({ method: pick(storm, ['start', 'stop', 'observe']), error: true, times: 2 }),
  ],
  ['late platform', storm => storm.h.world.fault({ method: 'start', error: true, effectMs: 1500 })],
  [
    'flaky router',
    storm => storm.h.router.fault({ method: pick(storm, ['apply', 'drain', 'observe']), error: true, times: 2 }),
  ],
  ['late router', storm => storm.h.router.fault({ method: 'apply', answerMs: 800, effectMs: 400 })],
  [
    'platform away',
    async ({ h, random }) => {
      h.world.unreachable = true
      await h.clock.advance(random() * 8000)
      h.world.unreachable = false
    },
  ],
  ['router forgot', storm => storm.h.router.forgetAll()],
  [
    'killed',
    async (storm, t) => {
      storm.life.kill()
      storm.life = life()
      storm.h = await successor(t, storm.h, { life: storm.life })
    },
  ],
]

function deploy({ h, shop, random }: Storm, strategy: string, options = {}, ifBusy?: 'supersede'): Promise<unknown> {
  const names = ['web', 'api', 'db', 'worker'].filter(() => random() < 0.4)
  const services = (names.length > 0 ? names : ['web']).map(name => ({
    name,
    image: `fake:${name}-${images[Math.floor(random() * images.length)]}`,
  }))
  return h.acme.deploy({ instanceId: shop.id, services, strategy, options, ...(ifBusy ? { ifBusy } : {}) })
}

/** A run that goes on, if there is one. */
async function someRun(storm: Storm): Promise<{ id: string }> {
  const all = await allDeployments(storm.h, storm.shop.id)
  const open = all.filter(deployment => !hasEnded(deployment.state))
  return pick(storm, open.length > 0 && storm.random() < 0.8 ? open : all)
}

/** Nothing is broken any more, and nobody waits for a word. */
async function calm({ h, shop }: Storm): Promise<void> {
  h.world.unreachable = false
  h.world.script({}, { exit: { afterMs: 0, code: 1, times: 0 } })
  h.world.clearFaults()
  h.router.clearFaults()
  for (const { name } of h.world.replicas(shop.id)) h.world.setCondition(shop.id, name, 'scripted')
  const done = async (): Promise<boolean> => {
    const open = (await allDeployments(h, shop.id)).filter(deployment => !hasEnded(deployment.state))
    for (const { id, reason } of open) if (reason?.code === 'paused') await h.acme.resume(id).catch(() => {})
    return open.length === 0
  }
  await h.when(done, 1_200_000)
}

/** A deleted instance leaves nothing on the platform or in the router. */
async function remove({ h, shop }: Storm): Promise<void> {
  const gone = await h.end(await h.acme.instances.delete(shop.id))
  assert.equal(gone.state, 'succeeded', gone.error)
  assert.deepEqual(h.world.replicas(shop.id), [])
  assert.equal(h.router.proxy.tables.has(shop.id), false)
  assert.deepEqual(await h.store.work.reservations(), [])
}

function pick<T>({ random }: Pick<Storm, 'random'>, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T
}
