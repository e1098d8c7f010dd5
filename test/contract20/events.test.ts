import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeploymentState } from '../../src/deploy/deployment.ts'
import { mayBecome } from '../../src/deploy/states.ts'
import type { Event } from '../../src/event/event.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'

/** The state that an event tells of. */
const told: Partial<Record<Event['type'], DeploymentState>> = {
  'deploy.queued': 'pending',
  'deploy.started': 'running',
  'deploy.succeeded': 'succeeded',
  'deploy.failed': 'failed',
  'deploy.cancelled': 'cancelled',
  'deploy.rolled_back': 'rolled_back',
}

describe('14. Every state change and its event', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  test('commit together, and readers see each once, in order; a failing subscriber neither loses an event nor starves the others', async () => {
    const tenant = machine.tenant()
    const { bus, store } = machine.slipway
    const begin = await store.events.lastSeq()
    const reader: Event[] = []
    const failing: Event[] = []
    const caughtUp = Promise.withResolvers<void>()
    let fails = 0
    const last = { seq: Number.POSITIVE_INFINITY }
    const good = bus.subscribe('*', event => void reader.push(event), { name: 'good', after: begin })
    const bad = bus.subscribe(
      ['deploy.succeeded', 'deploy.failed', 'deploy.rolled_back'],
      event => {
        if (fails++ % 2 === 0) throw new Error('the webhook is down')
        failing.push(event)
        if (event.seq >= last.seq) caughtUp.resolve()
      },
      { name: 'bad', after: begin },
    )
    const looked = new AbortController()
    const torn: string[] = []
    const looking = (async () => {
      while (!looked.signal.aborted) {
        torn.push(...(await tornIn(machine, tenant.id)))
        await new Promise(resolve => setImmediate(resolve))
      }
    })()

    const shop = await tenant.up([web(await machine.server('1'))])
    const [first] = await tenant.releases(shop)
    const deploy = async (image: string) =>
      await tenant.end(await tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] }))
    const done = await deploy(await machine.server('2'))
    const failed = await deploy(await machine.server('3', { exits: 1 }))
    await tenant.done(await tenant.acting.rollback({ instanceId: shop.id, releaseId: first?.id ?? '' }))
    looked.abort()
    await looking
    assert.deepEqual(torn, [])

    const log = await store.events.read({ after: begin, limit: 1000 })
    assert.deepEqual(states(log, done.id), ['pending', 'running', 'succeeded', 'rolled_back'])
    assert.deepEqual(states(log, failed.id), ['pending', 'running', 'failed'])
    const wanted = log.filter(event => ['deploy.succeeded', 'deploy.failed', 'deploy.rolled_back'].includes(event.type))
    last.seq = wanted.at(-1)?.seq ?? 0
    if (failing.at(-1)?.seq !== last.seq) await caughtUp.promise
    assert.deepEqual(failing, wanted)
    assert.ok(fails >= 2 * wanted.length - 1, `${fails} calls`)
    await good.close()
    await bad.close()
    assert.deepEqual(
      reader.map(event => event.seq),
      log.map(event => event.seq).slice(0, reader.length),
    )
    assert.ok(reader.some(event => event.seq === last.seq))
  })

  test('are there for a subscriber that comes back after a restart, from where it was', async () => {
    const tenant = machine.tenant()
    const begin = await machine.slipway.store.events.lastSeq()
    const seen: number[] = []
    const read = async (upTo: number) => {
      const reached = Promise.withResolvers<void>()
      const subscription = machine.slipway.bus.subscribe(
        '*',
        event => {
          seen.push(event.seq)
          if (event.seq >= upTo) reached.resolve()
        },
        { name: 'report', after: begin },
      )
      await reached.promise
      await subscription.close()
    }
    const shop = await tenant.up([web(await machine.server('1'))])
    await read(await machine.slipway.store.events.lastSeq())
    await tenant.done(await tenant.acting.instances.scale(shop.id, { web: 2 }))
    await machine.reopen()
    const last = await machine.slipway.store.events.lastSeq()
    await read(last)
    const log = await machine.slipway.store.events.read({ after: begin, limit: 1000 })
    // At least once: what was being handled when a subscriber left is told again.
    const once = seen.filter((seq, index) => seq !== seen[index - 1])
    assert.deepEqual(
      once,
      log.filter(event => event.seq <= last).map(event => event.seq),
    )
  })
})

/** The states of a deployment as the log tells them. */
function states(log: readonly Event[], deploymentId: string): string[] {
  const all = log.filter(event => event.deploymentId === deploymentId).flatMap(event => told[event.type] ?? [])
  all.forEach((to, index) => {
    const from = all[index - 1]
    assert.ok(from === undefined || mayBecome(from, to), `${from} to ${to}`)
  })
  return all
}

/** Deployments whose state, read in one transaction with the log, is not the one the log tells of. */
async function tornIn({ slipway }: Machine, tenantId: string): Promise<string[]> {
  return await slipway.store.transaction(async tx => {
    const log = await tx.events.read({ after: 0, limit: 1000, tenantId })
    const latest = new Map<string, DeploymentState>()
    for (const event of log) {
      const state = told[event.type]
      // The synthetic deployment of a first release is written with its end.
      if (state && event.deploymentId !== undefined) latest.set(event.deploymentId, state)
    }
    const torn: string[] = []
    for (const [id, state] of latest) {
      const now = (await tx.work.run(id))?.deployment.state
      if (now !== state) torn.push(`${id} is ${now}, the log says ${state}`)
    }
    return torn
  })
}
