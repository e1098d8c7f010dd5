import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { createServer } from '../../src/server/index.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { startWorld } from './world.ts'

test('metrics are told without a token only where that was said, and only to programs of this machine that ask for themselves', async t => {
  const world = await startWorld(t, { metricsOnLoopback: true })
  const status = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      request(`${world.url}/metrics`, { headers }, answer => resolve(answer.resume().statusCode ?? 0))
        .on('error', reject)
        .end()
    })
  assert.equal(await status({}), 200)
  assert.equal(await status({ host: 'localhost:7420' }), 200)
  assert.equal(await status({ 'x-forwarded-for': '203.0.113.7' }), 401, 'a proxy asks for somebody else')
  assert.equal(await status({ via: '1.1 gateway' }), 401)
  assert.equal(await status({ host: 'rebound.example' }), 401, 'a page that only pretends to be this server')
  const mounted = await world.server.fetch(new Request('http://127.0.0.1/metrics'))
  assert.equal(mounted.status, 401, 'nobody knows where it comes from')
  const strict = createServer(world.machine.slipway)
  t.after(() => strict.close())
  const { url } = await strict.listen()
  assert.equal((await fetch(`${url}/metrics`)).status, 401)
})

test('where nothing is counted, there are no metrics, and all else works', async t => {
  const machine = await startMachine({ metrics: false })
  t.after(() => machine.dispose())
  const world = await startWorld(t, {}, machine)
  const reply = await world.send('GET', '/metrics', { token: world.operator })
  assert.deepEqual([reply.status, reply.body.code], [404, 'not_found'])
  const tenant = machine.tenant()
  assert.equal((await tenant.up([worker(await machine.worker('1'))])).state, 'running')
})
