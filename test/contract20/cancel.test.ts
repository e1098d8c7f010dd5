import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { recreate } from '../../src/deploy/strategies/recreate.ts'
import type { Strategy, StrategyParams } from '../../src/deploy/strategy.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { web, worker } from '../support/services.ts'

describe('cancelling', () => {
  let machine: Machine
  const late = lateStrategy()
  const rushed = rushedStrategy()
  before(async () => {
    machine = await startMachine({ strategies: [late.strategy, rushed.strategy] })
  })
  after(() => machine.dispose())

  test('1. Cancel stops the work and restores what was serving before: in the middle of a canary under load, nothing lost', async t => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'), { replicas: 2 })])
    const before = await tenant.acting.status(shop.id)
    const load = await loadOn(t, machine, tenant)
    const asked = await tenant.acting.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: await machine.server('2') }],
      strategy: 'canary',
      options: { steps: [50], holdSeconds: 3600 },
    })
    await load.until(({ versions }) => (versions['web']?.['2'] ?? 0) >= 10)
    await tenant.acting.cancel(asked.id)
    const cancelled = await tenant.end(asked)
    assert.equal(cancelled.state, 'cancelled')
    assert.equal(cancelled.error, 'cancelled by ana')
    assert.equal(cancelled.restored, true)
    assert.deepEqual(cancelled.serviceProgress, { web: 'failed' })

    const restored = await tenant.acting.status(shop.id)
    assert.deepEqual(restored.table, before.table)
    assert.deepEqual(restored.replicas, before.replicas)
    const answered = load.stats().versions['web']?.['1'] ?? 0
    await load.until(({ versions }) => (versions['web']?.['1'] ?? 0) >= answered + 20)
    const report = await load.stop()
    assertNothingLost(report)
    assert.equal((await tenant.ask()).told().version, '1')
  })

  test('1. … and is never overwritten by a late progress write', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const asked = await tenant.acting.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: await machine.server('2') }],
      strategy: 'late',
    })
    await late.running
    await tenant.acting.cancel(asked.id)
    await late.aborted
    late.speak()
    const cancelled = await tenant.end(asked)
    assert.equal(cancelled.state, 'cancelled')
    late.speak()
    await tenant.done(await tenant.acting.instances.restart(shop.id))
    assert.deepEqual(await tenant.acting.getDeployment(asked.id), cancelled)
    const types = await eventTypes(machine, asked.id)
    assert.equal(types.at(-1), 'deploy.cancelled')
    assert.deepEqual(types.slice(types.indexOf('deploy.undoing')), ['deploy.undoing', 'deploy.cancelled'])
  })

  test('2. Cancel racing with the end of a rollout ends in exactly one end state, and both callers see the same one', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([worker(await machine.worker('1'))])
    const [one, two] = [await machine.worker('2'), await machine.worker('3')]
    const deploy = (image: string) =>
      tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image }] })
    const began = performance.now()
    await tenant.done(await deploy(one))
    const usual = performance.now() - began

    // Each cancel closer to the end of the rollout than the one before: sooner after one that came too late, later after one in time.
    for (let round = 0, delayMs = usual; round < 10; round++) {
      const asked = await deploy(round % 2 === 0 ? two : one)
      const said = delay(delayMs).then(() => cancelOf(tenant, asked.id))
      await assertOneEnd(machine, tenant, asked, said)
      delayMs *= (await said) === 'accepted' ? 1.2 : 0.75
    }
  })

  test('2. … and so does one from within, in the very moment in which the last step has come true', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([worker(await machine.worker('1'))])
    const images = [await machine.worker('2'), await machine.worker('3')]
    for (let round = 0; round < 8; round++) {
      const said = Promise.withResolvers<string>()
      rushed.atTheEnd = async deploymentId => {
        const cancelling = cancelOf(tenant, deploymentId)
        said.resolve(cancelling)
        // Accepted before the rollout can be called a success, or on its way when it is.
        if (round % 2 === 0) await cancelling
      }
      const services = [{ name: 'worker', image: images[Math.floor(round / 2) % 2] ?? '' }]
      const asked = await tenant.acting.deploy({ instanceId: shop.id, services, strategy: 'rushed' })
      await assertOneEnd(machine, tenant, asked, said.promise)
    }
  })
})

/** Asserts that whoever cancelled and whoever waited were told of one and the same end, and the log and the release say so too. */
async function assertOneEnd(machine: Machine, tenant: Tenant, asked: Deployment, said: Promise<string>): Promise<void> {
  const [answer, seen] = await Promise.all([said, tenant.end(asked)])
  assert.equal(seen.state, answer === 'accepted' ? 'cancelled' : answer)
  assert.equal((await tenant.acting.getDeployment(asked.id)).state, seen.state)
  const endings = (await eventTypes(machine, asked.id)).filter(type => /\.(?:succeeded|failed|cancelled)$/.test(type))
  assert.deepEqual(endings, [`deploy.${seen.state}`])
  const release = await tenant.acting.getRelease(asked.releaseId)
  assert.equal(release.active, seen.state === 'succeeded')
}

/** What a cancel was told: that it was accepted, or the state in which the deployment had ended. */
async function cancelOf(tenant: Tenant, id: string): Promise<string> {
  try {
    await tenant.acting.cancel(id)
    return 'accepted'
  } catch (error) {
    if (!isSlipwayError(error, 'already_ended')) throw error
    return String(error.details?.['state'])
  }
}

async function eventTypes(machine: Machine, deploymentId: string): Promise<string[]> {
  const events = await machine.slipway.store.events.read({ after: 0, limit: 1000, deploymentId })
  return events.map(event => event.type)
}

/** A strategy that goes on reporting progress when it should long be silent. */
function lateStrategy() {
  const running = Promise.withResolvers<void>()
  const aborted = Promise.withResolvers<void>()
  let speak = (): void => {}
  const strategy: Strategy = {
    name: 'late',
    async execute(params) {
      speak = () => {
        params.onProgress('shifting', 99, 'nearly there')
        params.onServiceProgress?.('web', 'succeeded')
      }
      speak()
      running.resolve()
      await new Promise<void>(resolve => params.signal.addEventListener('abort', () => resolve(), { once: true }))
      aborted.resolve()
      speak()
    },
  }
  return { strategy, running: running.promise, aborted: aborted.promise, speak: () => speak() }
}

/** Recreate, that does something in the moment in which it is through. */
function rushedStrategy() {
  const rushed = {
    atTheEnd: async (deploymentId: string): Promise<void> => void deploymentId, // nothing yet
    strategy: {
      ...recreate,
      name: 'rushed',
      async execute(params: StrategyParams) {
        await recreate.execute(params)
        await rushed.atTheEnd(params.deployment.id)
      },
    } satisfies Strategy,
  }
  return rushed
}
