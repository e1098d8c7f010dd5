import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, test } from 'node:test'
import { endOnSignals } from '../../src/server/index.ts'
import { createSlipway } from '../../src/slipway.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'
import { startDoomed } from './doomed.ts'
import { listenTo } from './listener.ts'
import type { Json } from './world.ts'

test('a server told to end in the middle of a canary ends in order, traffic flows on, and the next one goes on', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const tenant = machine.tenant()
  const { secret } = await tenant.acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
  const shop = await tenant.up([web(await machine.server('1'))])
  const image = await machine.server('2')
  const load = await loadOn(t, machine, tenant)
  let asked: Json
  await machine.reopen(async () => {
    const doomed = await startDoomed(t, machine)
    const authorization = `Bearer ${secret}`
    const answer = await fetch(`${doomed.url}/v1/instances/${shop.id}/deployments`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        services: [{ name: 'web', image }],
        strategy: 'canary',
        options: { steps: [{ weight: 50, pause: true, holdSeconds: 0 }], keepWarmSeconds: 0 },
      }),
    })
    asked = await answer.json()
    const listener = await listenTo(doomed.url + asked.links.events, { authorization })
    await listener.until(({ data }) => data.type === 'deploy.paused')

    await assert.rejects(createSlipway({ dataDir: machine.dataDir }), /in use by process \d+: one process at a time/)

    const ended = doomed.end('SIGTERM')
    assert.equal(await listener.next(), undefined, 'its stream ends in order')
    assert.equal(await ended, 0)
    await assert.rejects(fetch(`${doomed.url}/healthz`))
  })
  const versions = new Set<string>()
  while (versions.size < 2) versions.add((await tenant.ask()).told().version)
  await tenant.acting.promote(asked.id)
  const { state, error } = await tenant.acting.finished(asked.id)
  assert.equal(state, 'succeeded', error)
  assertNothingLost(await load.stop())
})

describe('a process that is told to end', () => {
  const inTime = () => Promise.resolve()
  const never = () => new Promise<void>(() => {})
  const broken = () => Promise.reject(new Error('no'))

  /** A process that notes what it was ended with. */
  function stage(close: { server: () => Promise<void>; slipway: () => Promise<void> }, deadlineMs = 60_000) {
    const signals = new EventEmitter()
    const told: string[] = []
    const self = Object.assign(signals, { exit: (code: number) => void signals.emit('exit', code) })
    const log = {
      info: (_: object, text: string) => void told.push(text),
      warn: (_: object, text: string) => void told.push(text),
    }
    endOnSignals({ close: close.server }, { close: close.slipway, log }, { deadlineMs, process: self })
    return { signals, told, exit: once(signals, 'exit') as Promise<[number]> }
  }

  test('exits with 0 once all was let go of', async () => {
    const { signals, exit } = stage({ server: inTime, slipway: inTime })
    signals.emit('SIGINT')
    assert.deepEqual(await exit, [0])
  })

  test('exits with 1, and says so, when something is not let go of in time', async () => {
    const { signals, exit, told } = stage({ server: inTime, slipway: never }, 10)
    signals.emit('SIGTERM')
    assert.deepEqual(await exit, [1])
    assert.match(told.at(-1) ?? '', /not everything was let go of in time/)
  })

  test('exits with 1 when something can not be let go of', async () => {
    const { signals, exit, told } = stage({ server: inTime, slipway: broken })
    signals.emit('SIGTERM')
    assert.deepEqual(await exit, [1])
    assert.match(told.at(-1) ?? '', /could be let go of in order/)
  })

  test('waits for nothing when it is told again', async () => {
    const { signals, exit } = stage({ server: never, slipway: never })
    signals.emit('SIGTERM')
    signals.emit('SIGTERM')
    assert.deepEqual(await exit, [143])
  })
})
