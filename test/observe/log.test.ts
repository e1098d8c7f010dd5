import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { type Customer, type Json, startWorld, type World } from '../server/world.ts'
import { startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'

describe('the log', () => {
  const over: (() => unknown)[] = []
  const lines: string[] = []
  let world: World
  let customer: Customer
  before(async () => {
    const into = new Writable({
      write(chunk, _, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const machine = await startMachine({ log: pino({ level: 'info' }, into) })
    over.push(() => machine.dispose())
    world = await startWorld({ after: end => void over.push(end as () => unknown) }, {}, machine)
    customer = await world.tenant()
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })

  const requests = (): Json[] => lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'request')

  test('has a line for each request: who asked for what by which route, and what came of it', async () => {
    const { headers } = await customer.send('GET', '/v1/deployments/dep_01k00000000000000000000000')
    const request = headers.get('x-request-id')
    const line = requests().find(one => one.request === request)
    const { token, ms, ...rest } = line
    assert.match(token, /^tok_/)
    assert.ok(ms >= 0)
    assert.deepEqual(
      [rest.method, rest.route, rest.status, rest.tenant, rest.subject],
      ['GET', '/v1/deployments/{id}', 404, customer.id, 'ana'],
    )
    const { headers: without } = await world.send('GET', '/v1/whoami')
    const refused = requests().find(one => one.request === without.get('x-request-id'))
    assert.deepEqual([refused.status, refused.tenant], [401, undefined])
  })

  test('tells no credential, wherever it stands: in a field, in a text, in an error, deep inside', () => {
    const { log } = world.machine.slipway
    const whsec = `whsec_${'Zm9v'.repeat(8)}`
    log.warn(
      {
        headers: { Authorization: 'Basic YWxpY2U6aHVudGVyMg==', cookie: 'session=abcdef' },
        deep: [{ said: `Bearer ${customer.token} was refused` }],
        error: new Error(`cannot sign with ${whsec}`),
      },
      `it came with ${customer.token}`,
    )
    const last = lines.at(-1) ?? ''
    for (const secret of [customer.token, 'YWxpY2U6', 'abcdef', 'Zm9vZm9v']) assert.ok(!last.includes(secret), last)
    assert.ok(last.includes('slip_[redacted]') && last.includes('whsec_[redacted]'), last)
  })

  test('tells no value of a secret that a service was given', async () => {
    const tenant = world.machine.tenant()
    await tenant.acting.secrets.store('key', 'hunter2-hunter2')
    await tenant.up([web(await world.machine.server('1'), { secrets: { KEY: 'key' } })])
    world.machine.slipway.log.warn({ env: { KEY: 'hunter2-hunter2' } }, 'started with hunter2-hunter2')
    const last = lines.at(-1) ?? ''
    assert.ok(last.includes('started with'))
    assert.ok(!lines.join('').includes('hunter2'), last)
  })

  test('is told nothing that its level leaves out', async () => {
    const told: string[] = []
    const quiet = {
      info: () => void told.push('info'),
      warn: () => void told.push('warn'),
      isLevelEnabled: (level: string) => level === 'warn',
    }
    const machine = await startMachine({ log: quiet })
    try {
      machine.slipway.log.info({}, 'nothing')
      machine.slipway.log.warn({}, 'something')
    } finally {
      await machine.dispose()
    }
    assert.deepEqual(told, ['warn'])
  })
})
