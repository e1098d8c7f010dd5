import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { rolling } from '../../src/deploy/strategies/rolling.ts'
import type { Strategy } from '../../src/deploy/strategy.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'

/** Brings the new version up, and then has no idea how to go on. */
const clumsy: Strategy = {
  name: 'clumsy',
  async execute({ provider }) {
    await provider.start('web', 1)
    throw new Error('I dropped it')
  },
}

/** Rolling, by somebody who does not care to report. */
const silent: Strategy = {
  ...rolling,
  name: 'silent',
  async execute(params) {
    const quiet = { ...params }
    delete quiet.onServiceProgress
    await rolling.execute(quiet)
  },
}

describe('9. A strategy', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine({ strategies: [clumsy, silent] })
  })
  after(() => machine.dispose())

  test('that throws ends failed with the cause, what it started is taken back, and deployment id and cause are returned', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const before = await tenant.acting.status(shop.id)
    const services = [{ name: 'web', image: await machine.server('2') }]
    const asked = await tenant.acting.deploy({ instanceId: shop.id, services, strategy: 'clumsy' })
    const ended = await tenant.end(asked)
    assert.equal(ended.id, asked.id)
    assert.equal(ended.state, 'failed')
    assert.equal(ended.errorCode, 'strategy_failed')
    assert.match(ended.error ?? '', /"clumsy".*I dropped it/)
    assert.equal(ended.restored, true)
    const after = await tenant.acting.status(shop.id)
    assert.deepEqual([after.table, after.replicas], [before.table, before.replicas])
    const [event] = await machine.slipway.bus.recent({ deploymentId: asked.id, limit: 1 })
    assert.equal(event?.type, 'deploy.failed')
    assert.match(String(event?.data?.['error']), /I dropped it/)
  })

  test('that is given no optional callback works all the same', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([web(await machine.server('1'))])
    const services = [{ name: 'web', image: await machine.server('2') }]
    const done = await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services, strategy: 'silent' }))
    assert.deepEqual(done.serviceProgress, { web: 'succeeded' })
    assert.equal((await tenant.ask()).told().version, '2')
  })
})
