import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Move, Step } from '../../src/deploy/step.ts'
import { stepsFrom } from '../../src/deploy/strategies/steps.ts'
import { type PlanInput, planned, type Strategy, type StrategyParams } from '../../src/deploy/strategy.ts'
import { next } from '../../src/deploy/table.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type House, house, successor, web } from './harness.ts'
import { names, performed, running, traffic } from './look.ts'
import { life } from './mortal.ts'
import { assertSound, settled } from './sound.ts'

/** The moves that replace web by its new revision, all at once. */
function swap({ old, next }: PlanInput): Move[] {
  const [before, after] = [old.find(({ name }) => name === 'web'), next.find(({ name }) => name === 'web')]
  if (!before || !after || before.revision === after.revision) return []
  const { name, revision, replicas, release } = after
  return [
    { kind: 'run', service: name, revision, replicas, release },
    { kind: 'route', weights: { [name]: { [revision]: 100 } } },
    { kind: 'retire', service: name, revision: before.revision, replicas: 0 },
  ]
}

const swapSteps = (input: PlanInput): Step[] => stepsFrom(input.table, swap(input))

describe("a strategy of the user's own", () => {
  test('with a plan shows it, performs just that, and keeps to it', async t => {
    const { h, shop, deploy } = await scene(t, planned('swap', swapSteps))
    const request = { instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }], strategy: 'swap' }
    const preview = await h.acme.plan(request)
    const end = await h.end(await deploy())
    assert.equal(end.state, 'succeeded', end.error)
    assert.deepEqual(
      (await performed(h, end)).map(line => line.replace(', done', '')),
      preview.steps?.map(step => step.name),
    )
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2'])
    await assertSound(h, shop.id)
  })

  test('without a plan decides while it runs, and the dry run says so', async t => {
    const { h, shop, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout }) {
        for (const step of swapSteps(input)) await rollout.perform(step)
      },
    })
    const request = { instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }], strategy: 'swap' }
    assert.equal((await h.acme.plan(request)).steps, undefined)
    const end = await h.end(await deploy())
    assert.equal(end.state, 'succeeded', end.error)
    assert.equal((await performed(h, end)).length, 3)
    await assertSound(h, shop.id)
  })

  test("by the provider's start and stop, which are performed as steps", async t => {
    const { h, shop, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, provider, rollout, onServiceProgress }) {
        const before = input.old.find(({ name }) => name === 'web')
        const after = input.next.find(({ name }) => name === 'web')
        if (!before || !after) return
        assert.equal((await provider.observe()).length, 1)
        onServiceProgress?.('web', 'running')
        await provider.start('web', 1)
        const weights = { web: { [after.revision]: 100 } }
        const move = { kind: 'route', weights } as const
        const [started] = stepsFrom(input.table, swap(input))
        await rollout.perform({ name: 'over', ...move, table: next(started?.table ?? [], move) })
        await provider.stop('web', before.revision, 0)
        onServiceProgress?.('web', 'succeeded')
      },
    })
    const end = await h.end(await deploy())
    assert.equal(end.state, 'succeeded', end.error)
    assert.deepEqual(
      (await h.store.work.steps(end.id)).map(({ step }) => step.kind),
      ['run', 'route', 'retire'],
    )
    await assertSound(h, shop.id)
  })

  for (const [how, strategy] of [
    [
      'throws at once',
      {
        name: 'swap',
        execute() {
          throw new Error('out of luck')
        },
      },
    ],
    ['rejects', { name: 'swap', execute: async () => Promise.reject(new Error('out of luck')) }],
    [
      'throws after steps',
      {
        name: 'swap',
        async execute({ input, rollout }: StrategyParams) {
          for (const step of swapSteps(input).slice(0, 2)) await rollout.perform(step)
          throw new Error('out of luck')
        },
      },
    ],
    [
      'throws while it plans',
      planned('swap', () => {
        throw new Error('out of luck')
      }),
    ],
    ['throws something that is no error', { name: 'swap', execute: async () => Promise.reject('out of luck') }],
  ] as const satisfies readonly (readonly [string, Strategy])[]) {
    test(`that ${how} ends failed with the cause, and all is as it was`, async t => {
      const { h, shop, deploy } = await scene(t, strategy)
      const end = await h.end(await deploy())
      assert.equal(end.state, 'failed')
      assert.equal(end.errorCode, 'strategy_failed')
      assert.match(end.error ?? '', /"swap" threw: out of luck/u)
      assert.equal(end.restored, true)
      await settled(h, shop.id)
      assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
      await assertSound(h, shop.id)
      const after = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-3' }] })
      assert.equal((await h.end(after)).state, 'succeeded', 'the next one is not held up')
    })
  }

  test('that throws nothing it was told shows nothing of a secret in the error', async t => {
    const { h, shop, deploy } = await scene(t, {
      name: 'swap',
      execute: async () => Promise.reject(new Error('no access with hunter2-hunter2')),
    })
    await h.acme.secrets.store('TOKEN', 'hunter2-hunter2')
    const services = [{ name: 'web', image: 'fake:web-2', secrets: { TOKEN: 'TOKEN' } }]
    assert.equal((await h.end(await h.acme.deploy({ instanceId: shop.id, services }))).state, 'succeeded')
    const end = await h.end(await deploy('fake:web-3'))
    assert.equal(end.state, 'failed')
    assert.ok(!JSON.stringify(end).includes('hunter2'), end.error)
  })

  test('that returns before all traffic is moved has failed', async t => {
    const { h, shop, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout }) {
        const [run] = swapSteps(input)
        if (run) await rollout.perform(run)
      },
    })
    const end = await h.end(await deploy())
    assert.equal(end.errorCode, 'strategy_failed')
    assert.match(end.error ?? '', /ended before service "web" was on the new release/u)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
  })

  test('that leaves the old replicas running has failed: they would run for ever', async t => {
    const { h, shop, deploy } = await scene(
      t,
      planned('swap', input => swapSteps(input).slice(0, 2)),
    )
    const end = await h.end(await deploy())
    assert.equal(end.state, 'failed')
    assert.match(end.error ?? '', /left .*web.* running/u)
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
  })

  test('may leave them warm when it was asked to', async t => {
    const { h, shop, deploy } = await scene(
      t,
      planned('swap', input => swapSteps(input).slice(0, 2)),
    )
    const end = await h.end(await deploy('fake:web-2', { keepWarmSeconds: 30 }))
    assert.equal(end.state, 'succeeded', end.error)
    await h.clock.advance(40_000)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2'])
  })

  test('whose step does not follow from the one before is refused', async t => {
    const { h, shop, deploy } = await scene(
      t,
      planned('swap', input => swapSteps(input).map(step => ({ ...step, table: [] }))),
    )
    const end = await h.end(await deploy())
    assert.equal(end.errorCode, 'bad_step')
    assert.equal(end.restored, true)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
  })

  test('that asks for two steps at once is refused one of them, and undone', async t => {
    const { h, shop, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout }) {
        const steps = swapSteps(input)
        await Promise.all(steps.map(step => rollout.perform(step)))
      },
    })
    const end = await h.end(await deploy())
    await settled(h, shop.id)
    await assertSound(h, shop.id)
    if (end.state === 'failed') assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
    else assert.deepEqual(running(h, shop.id).web, ['fake:web-2'])
  })

  test('that awaits nothing it asked for has failed, and takes nobody down with it', async t => {
    const { h, shop, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout }) {
        for (const step of swapSteps(input)) void rollout.perform(step)
      },
    })
    const end = await h.end(await deploy())
    assert.equal(end.state, 'failed')
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
  })

  test('that swallows the end of its steps is undone all the same', async t => {
    const { h, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout }) {
        for (const step of swapSteps(input)) await rollout.perform(step).catch(() => {})
      },
    })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 'never' })
    const asked = await deploy()
    await h.reach(asked, now => now.reason?.code === 'health')
    await h.acme.cancel(asked.id)
    const end = await h.end(asked)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.restored, true)
  })

  test('that never ends is ended by a cancel', async t => {
    const { h, deploy } = await scene(t, {
      name: 'swap',
      execute: async ({ signal }) =>
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    const asked = await deploy()
    await h.reach(asked, now => now.state === 'running')
    await h.acme.cancel(asked.id)
    assert.equal((await h.end(asked)).state, 'cancelled')
  })

  test('that never ends and heeds no signal is ended by a cancel as well', async t => {
    const { h, deploy } = await scene(t, { name: 'swap', execute: async () => await new Promise<never>(() => {}) })
    const asked = await deploy()
    await h.reach(asked, now => now.state === 'running')
    await h.acme.cancel(asked.id)
    assert.equal((await h.end(asked)).state, 'cancelled')
  })

  test('tells of its progress while it runs', async t => {
    const gate = Promise.withResolvers<void>()
    const { h, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout, onProgress, onServiceProgress }) {
        onServiceProgress?.('web', 'running')
        onProgress('thinking', 12, 'what to do')
        await gate.promise
        for (const step of swapSteps(input)) await rollout.perform(step)
      },
    })
    const asked = await deploy()
    const seen = await h.reach(asked, now => now.serviceProgress?.web === 'running')
    assert.equal(seen.state, 'running')
    await h.when(async () =>
      (await h.events({ deploymentId: asked.id })).some(
        ({ data }) => data?.phase === 'thinking' && data.percent === 12 && data.message === 'what to do',
      ),
    )
    gate.resolve()
    assert.equal((await h.end(asked)).serviceProgress?.web, 'succeeded')
  })

  test('shows the progress of a service as soon as it tells of it', async t => {
    const gate = Promise.withResolvers<void>()
    const { h, deploy } = await scene(t, {
      name: 'swap',
      async execute({ input, rollout, onServiceProgress }) {
        for (const step of swapSteps(input)) await rollout.perform(step)
        onServiceProgress?.('web', 'succeeded')
        await gate.promise
      },
    })
    const asked = await deploy()
    await h.reach(asked, now => now.serviceProgress?.web === 'succeeded')
    gate.resolve()
    assert.equal((await h.end(asked)).state, 'succeeded')
  })

  test('that asks for another step after a restart than before it is undone', async t => {
    const first = life()
    let turn = 0
    const fickle: Strategy = {
      name: 'swap',
      async execute({ input, rollout }) {
        turn += 1
        const steps = swapSteps(input).map(step => ({ ...step, name: `${step.name}, turn ${turn}` }))
        for (const step of steps) await rollout.perform(step)
      },
    }
    const h = await house(t, { life: first, strategies: [fickle] })
    const shop = await h.shop({ services: [web('fake:web-1')] })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 1000 })
    const services = [{ name: 'web', image: 'fake:web-2' }]
    const asked = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'swap' })
    await h.reach(asked, now => now.reason?.code === 'health')
    first.kill()
    const after = await successor(t, h, { strategies: [fickle] })
    const end = await after.end(asked)
    assert.equal(end.state, 'failed')
    assert.equal(end.errorCode, 'plan_changed')
    assert.equal(end.restored, true)
    assert.deepEqual(running(after, shop.id).web, ['fake:web-1'])
  })

  test('that is not registered any more after a restart is undone', async t => {
    const first = life()
    const h = await house(t, { life: first, strategies: [planned('swap', swapSteps)] })
    const shop = await h.shop({ services: [web('fake:web-1')] })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 1000 })
    const services = [{ name: 'web', image: 'fake:web-2' }]
    const asked = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'swap' })
    const waiting = await h.acme.deploy({ instanceId: shop.id, services, strategy: 'swap' })
    await h.reach(asked, now => now.reason?.code === 'health')
    first.kill()
    const after = await successor(t, h)
    assert.equal((await after.end(asked)).errorCode, 'unknown_strategy')
    const never = await after.end(waiting)
    assert.equal(never.state, 'cancelled')
    assert.equal(never.errorCode, 'unknown_strategy')
    assert.deepEqual(traffic(after, shop.id).web, { 'fake:web-1': 100 })
    assert.equal(names(after, shop.id, 'web').length, 1)
  })
})

interface Scene {
  readonly h: House
  readonly shop: Instance
  deploy(image?: string, options?: Record<string, unknown>): Promise<Deployment>
}

async function scene(t: TestContext, strategy: Strategy): Promise<Scene> {
  const h = await house(t, { strategies: [strategy] })
  const shop = await h.shop({ services: [web('fake:web-1')] })
  return {
    h,
    shop,
    deploy: (image = 'fake:web-2', options = {}) =>
      h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image }], strategy: strategy.name, options }),
  }
}
