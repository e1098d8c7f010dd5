import assert from 'node:assert/strict'
import { test } from 'node:test'
import { targets } from '../../src/event/webhook-target.ts'
import { refusalOf } from '../support/refusal.ts'
import { aReceiver } from './receiver.ts'
import { aWebhookWorld } from './webhook-world.ts'

test('addresses that are not public are refused, in every form, unless they are allowed', () => {
  const { refusal } = targets()
  const refused = [
    ['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
    ['172.31.255.255', '192.168.1.1', '198.18.0.1', '203.0.113.9', '224.0.0.1', '239.1.1.1', '255.255.255.255'],
    ['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '64:ff9b::a00:1', 'fc00::1'],
    ['fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '2001:db8::1', '2002:7f00:1::', '2001:0:1::'],
    ['', 'localhost', '127.1'],
  ].flat()
  for (const address of refused) assert.ok(refusal(address) !== undefined, address)
  for (const address of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1']) {
    assert.equal(refusal(address), undefined, address)
  }
  const some = targets({ allowAddresses: ['10.1.0.0/16', 'fd12::/16', '127.0.0.1'] })
  for (const address of ['10.1.9.9', 'fd12::5', '127.0.0.1', '::ffff:127.0.0.1']) {
    assert.equal(some.refusal(address), undefined, address)
  }
  for (const address of ['10.2.0.1', '127.0.0.2', 'fd13::1']) assert.ok(some.refusal(address) !== undefined, address)
})

test('what is allowed has to be addresses or ranges', async () => {
  for (const wrong of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/-1', 'fd00::/129']) {
    assert.equal((await refusalOf(() => targets({ allowAddresses: [wrong] }))).code, 'invalid_request', wrong)
  }
})

test('http is sent to only where that is allowed', async () => {
  const refusal = await refusalOf(() => targets().checked('http://hooks.example/'))
  assert.match(refusal.message, /is not https/)
  assert.equal(targets({ allowHttp: true }).checked('http://hooks.example'), 'http://hooks.example/')
})

test('a name that leads to an allowed address at first and to a refused one at the next try is not connected to', async t => {
  const good = await aReceiver(t, '127.0.0.2')
  const inside = await aReceiver(t, '127.0.0.1', good.port)
  // Nothing is left of the first connection when the next is made: else it would be used again, which leads where it did before.
  good.behave(() => response => response.writeHead(500, { connection: 'close' }).end())
  const answers = [['127.0.0.2'], ['127.0.0.1'], ['127.0.0.1', '127.0.0.2']]
  let asked = 0
  const w = await aWebhookWorld(t, {
    targets: targets({ allowAddresses: ['127.0.0.2'], allowHttp: true }),
    resolve: async host => {
      assert.equal(host, 'rebound.example')
      return answers[asked++] ?? []
    },
  })
  const { id } = await w.hook(`http://rebound.example:${good.port}/hook`)
  await w.happen('inst_1', 'deploy.queued')
  await w.toNextTry(id, 1)
  const [delivery] = await w.reach(id, ([one]) => one?.attemptCount === 2)
  assert.deepEqual(
    delivery?.attempts.map(({ status, error }) => status ?? error),
    // Not which one: who asks for deliveries would learn the names of a network that is not theirs.
    [500, 'rebound.example leads to no public address, so nothing was sent'],
  )
  // Of several addresses those that are allowed are tried.
  good.behave(() => 200)
  await w.toNextTry(id, 2)
  await w.states(id, 'delivered')
  assert.deepEqual([good.received.length, inside.connected], [2, 0])
})

test('an address that came to be refused since the webhook was made is not connected to', async t => {
  const inside = await aReceiver(t)
  const open = targets({ allowAddresses: ['127.0.0.1'], allowHttp: true })
  let closed = false
  const shut = targets({ allowHttp: true })
  const w = await aWebhookWorld(t, {
    targets: { checked: open.checked, refusal: address => (closed ? shut : open).refusal(address) },
  })
  const { id } = await w.hook(inside.url)
  closed = true
  await w.happen('inst_1', 'deploy.queued')
  const [delivery] = await w.reach(id, ([one]) => one?.attemptCount === 1)
  assert.equal(delivery?.attempts[0]?.error, '127.0.0.1 is not a public address, so nothing was sent')
  assert.equal(inside.connected, 0)
})
