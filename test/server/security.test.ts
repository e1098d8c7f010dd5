import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isNetwork, isWithin } from '../../src/auth/network.ts'
import { isSlipwayError } from '../../src/errors.ts'
import { createServer, type ServerOptions } from '../../src/server/index.ts'
import { type Machine, startMachine } from '../support/machine.ts'

let machine: Machine
let token: string
let homely: string
before(async () => {
  machine = await startMachine()
  const { tokens } = machine.tenant().acting
  token = (await tokens.create({ name: 'ana', scopes: ['read'] })).secret
  homely = (await tokens.create({ name: 'home', scopes: ['read'], allowedIps: ['203.0.113.0/24'] })).secret
})
after(() => machine.dispose())

/** Asks who one is, from this address, with this token. */
function asking(options: ServerOptions = {}) {
  const server = createServer(machine.slipway, options)
  return async (
    remoteAddress: string | undefined,
    bearer: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ) =>
    await server.fetch(
      new Request('http://x/v1/whoami', { method, headers: { authorization: `Bearer ${bearer}`, ...headers } }),
      remoteAddress === undefined ? {} : { incoming: { socket: { remoteAddress } } },
    )
}

describe('where a request comes from', () => {
  test('decides for a token that is good in some networks only, and unknown is nowhere', async () => {
    const ask = asking()
    assert.equal((await ask('203.0.113.9', homely)).status, 200)
    assert.equal((await ask('::ffff:203.0.113.9', homely)).status, 200)
    for (const address of ['203.0.114.1', '::1', undefined]) assert.equal((await ask(address, homely)).status, 401)
  })

  test('is what a proxy says only where that proxy is trusted, read from the right', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.9, 10.0.0.2' }
    const made = { 'x-forwarded-for': '203.0.113.9, 198.51.100.1' }
    assert.equal((await asking()('10.0.0.1', homely, forwarded)).status, 401)
    const ask = asking({ trustedProxies: ['10.0.0.0/8'] })
    assert.equal((await ask('10.0.0.1', homely, forwarded)).status, 200)
    assert.equal((await ask('10.0.0.1', homely, made)).status, 401)
    assert.equal((await ask('192.0.2.1', homely, forwarded)).status, 401)
    assert.throws(
      () => createServer(machine.slipway, { trustedProxies: ['proxy'] }),
      error => isSlipwayError(error, 'invalid_request'),
    )
  })

  test('is held back after too many bad tokens, but not who shares the address with a token that was good before', async () => {
    const ask = asking({ rateLimits: { failure: 2 } })
    assert.equal((await ask('192.0.2.1', token)).status, 200)
    const statuses = []
    for (let n = 0; n < 3; n++) statuses.push((await ask('192.0.2.1', 'slip_x')).status)
    assert.deepEqual(statuses, [401, 401, 429])
    assert.equal((await ask('192.0.2.1', homely)).headers.get('retry-after'), '60')
    assert.equal((await ask('192.0.2.1', token)).status, 200)
    assert.equal((await ask('192.0.2.2', 'slip_x')).status, 401)
    for (const end of ['1', '2']) assert.equal((await ask(`2001:db8::${end}`, 'slip_x')).status, 401)
    assert.equal((await ask('2001:db8::3', 'slip_x')).status, 429)
  })
})

test('pages of named origins may use the API, without cookies; of others none, and all can not be named', async () => {
  const ask = asking({ allowedOrigins: ['https://console.example'] })
  const from = async (origin: string) => (await ask('::1', token, { origin })).headers
  const named = await from('https://console.example')
  assert.equal(named.get('access-control-allow-origin'), 'https://console.example')
  assert.equal(named.get('access-control-allow-credentials'), null)
  assert.equal((await from('https://evil.example')).get('access-control-allow-origin'), null)
  const preflight = { origin: 'https://console.example', 'access-control-request-method': 'POST' }
  assert.equal((await ask('::1', token, preflight, 'OPTIONS')).status, 204)
  for (const origin of ['*', 'https://console.example/', 'console.example']) {
    assert.throws(
      () => createServer(machine.slipway, { allowedOrigins: [origin] }),
      error => isSlipwayError(error, 'invalid_request'),
    )
  }
})

test('TLS without a usable key is refused with why, before a port is opened', async () => {
  const server = createServer(machine.slipway)
  for (const tls of [
    { keyFile: '/nowhere/key.pem', certFile: '/nowhere/cert.pem' },
    { key: 'x', cert: 'y' },
  ]) {
    await assert.rejects(
      server.listen({ tls }),
      error => isSlipwayError(error, 'invalid_request') && error.message.includes('TLS'),
    )
  }
})

test('a network is an address with or without the bits that count', () => {
  for (const good of ['10.0.0.7', '10.0.0.0/8', '::1', '2001:db8::/32', '0.0.0.0/0']) assert.ok(isNetwork(good), good)
  for (const bad of ['', 'x', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/', '1.2.3.4/8/8', 'fe80::1%eth0'])
    assert.ok(!isNetwork(bad), bad)
  assert.ok(isWithin(['2001:db8::/32'], '2001:db8:1::5'))
  assert.ok(!isWithin(['10.0.0.0/8'], 'nonsense'))
})
