import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { defaultPortRange, portAllocator } from '../../../src/router/proxy/ports.ts'
import { portOf } from './world.ts'

describe('ports for services', () => {
  test('come from outside the kernel’s ephemeral range and that of the replicas', () => {
    assert.deepEqual(defaultPortRange([32_768, 60_999]), [20_000, 29_999])
    assert.deepEqual(defaultPortRange([20_500, 60_999]), [10_000, 19_999])
    assert.deepEqual(defaultPortRange([1024, 60_999]), [61_000, 65_535])
    assert.deepEqual(defaultPortRange([1024, 65_535]), [20_000, 29_999])
  })

  test('are handed out each in its turn, leaving out those taken and those that are not free', async () => {
    const allocate = portAllocator([20_000, 20_003], async port => port !== 20_000)
    const taken = new Set([20_001])
    const found = [await allocate(taken), await allocate(taken), await allocate(taken)]
    assert.deepEqual(new Set(found), new Set([20_002, 20_003]))
    assert.equal(found[0], found[2])
    await assert.rejects(allocate(new Set([20_001, 20_002, 20_003])), error => isSlipwayError(error, 'ports_exhausted'))
  })

  test('are never those somebody listens on', async t => {
    const busy = createServer().listen(0, '127.0.0.1')
    await once(busy, 'listening')
    t.after(() => busy.close())
    const port = portOf(busy)
    await assert.rejects(portAllocator([port, port])(new Set()), error => isSlipwayError(error, 'ports_exhausted'))
  })
})
