import assert from 'node:assert/strict'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import type { HealthCheck } from '../../src/health/check.ts'
import { type ProbeProvider, probe } from '../../src/health/probe.ts'
import type { Address } from '../../src/provider/provider.ts'
import { replicaAt } from './replica.ts'

async function listening(t: TestContext, server: Server): Promise<Address> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

function http(t: TestContext, listener: RequestListener): Promise<Address> {
  const server = createHttp(listener)
  t.after(() => server.closeAllConnections())
  return listening(t, server)
}

function ask(
  address: Address | undefined,
  check: HealthCheck,
  provider: ProbeProvider = {},
  signal = new AbortController().signal,
) {
  return probe({ replica: replicaAt(address), check, provider, clock: systemClock, signal })
}

test('an HTTP check asks for its path with its headers and takes the statuses it names', async t => {
  const address = await http(t, (request, response) => {
    response.statusCode = request.url === '/up' && request.headers['x-probe'] === 'yes' ? 204 : 404
    response.end()
  })
  const check = { type: 'http', path: '/up', headers: { 'x-probe': 'yes' } } as const
  assert.deepEqual(await ask(address, check), { ok: true, text: '204 No Content' })
  assert.equal((await ask(address, { ...check, status: [200, 200] })).ok, false)
  assert.equal((await ask(address, { type: 'http', status: [404, 404] })).ok, true)
})

test('an unhealthy HTTP answer is told with the beginning of its body', async t => {
  const address = await http(t, (_, response) => {
    response.statusCode = 503
    response.end(`no database\n${'x'.repeat(100_000)}`)
  })
  const { ok, text } = await ask(address, { type: 'http' })
  assert.equal(ok, false)
  assert.match(text, /^503 Service Unavailable: no database x+$/u)
  assert.ok(text.length < 300)
})

test('no answer in time is an answer that is not ok, headers that never end and a body included', async t => {
  const silent = await http(t, () => {})
  const endless = await http(t, (_, response) => void response.writeHead(500).write('.'))
  const check = { type: 'http', timeoutMs: 50 } as const
  assert.deepEqual(await ask(silent, check), { ok: false, text: 'no answer within 50 ms' })
  assert.equal((await ask(endless, check)).ok, false)
})

test('a replica that speaks no HTTP, or hangs up, is not healthy', async t => {
  const rude = await listening(
    t,
    createTcp(socket => socket.on('error', () => {}).end('hello\r\n\r\n')),
  )
  const mute = await listening(
    t,
    createTcp(socket => socket.on('error', () => {}).destroy()),
  )
  assert.equal((await ask(rude, { type: 'http' })).ok, false)
  assert.equal((await ask(mute, { type: 'http' })).ok, false)
})

test('a TCP check needs somebody who listens', async t => {
  const server = createTcp(socket => socket.on('error', () => {}))
  const address = await listening(t, server)
  assert.deepEqual(await ask(address, { type: 'tcp' }), { ok: true, text: 'connected' })
  await new Promise(resolve => server.close(resolve))
  assert.deepEqual(await ask(address, { type: 'tcp' }), {
    ok: false,
    text: `connection refused on 127.0.0.1:${address.port}`,
  })
})

test('a replica without an address is not healthy yet', async () => {
  assert.equal((await ask(undefined, { type: 'tcp' })).ok, false)
  assert.equal((await ask({ host: '127.0.0.1', port: 1 }, { type: 'tcp', port: 'admin' })).ok, false)
})

test('a command is healthy with exit code 0, and told by its last line', async () => {
  const exec = (exitCode: number, ...output: string[]) => ({ exec: async () => ({ exitCode, output }) })
  const check = { type: 'command', command: ['./up'] } as const
  assert.deepEqual(await ask(undefined, check, exec(0)), { ok: true, text: 'exit code 0' })
  assert.deepEqual(await ask(undefined, check, exec(2, 'asking', 'no queue', '')), {
    ok: false,
    text: 'exit code 2: no queue',
  })
  await assert.rejects(ask(undefined, check), /cannot run a health check command/u)
})

test('a platform that answers health itself is asked instead of the network, and its error is thrown', async () => {
  const check = { type: 'tcp', timeoutMs: 50 } as const
  assert.equal((await ask(undefined, check, { probe: async () => ({ ok: true, text: 'healthy' }) })).text, 'healthy')
  const broken = { probe: () => Promise.reject(new Error('socket gone')) }
  await assert.rejects(ask(undefined, check, broken), /socket gone/u)
  const hanging = { probe: () => new Promise<never>(() => {}) }
  assert.deepEqual(await ask(undefined, check, hanging), { ok: false, text: 'no answer within 50 ms' })
})

test('a probe that is given up rejects with the reason', async t => {
  const silent = await http(t, () => {})
  for (const check of [{ type: 'http' }, { type: 'tcp' }] as const) {
    const leave = new AbortController()
    const asked = ask(
      check.type === 'http' ? silent : { host: '127.0.0.1', port: silent.port },
      check,
      {},
      leave.signal,
    )
    leave.abort(new Error('stopped'))
    await assert.rejects(asked, /stopped/u)
  }
})
