import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, describe, type TestContext, test } from 'node:test'
import { type PortRange, portQueue, replicaRange } from '../../../src/provider/process/ports.ts'
import { httpServer, processWorld, shell, until } from './world.ts'

/** A narrow range of its own for each test, so that suites that run beside this one are not in the way. */
let next = 0
const first = 21_000 + Math.floor(Math.random() * 400) * 10
const narrow = (size: number): PortRange => [first + next, first + (next += size) - 1]

describe('ports', () => {
  const free = async () => true

  async function stranger(port: number, t: TestContext): Promise<void> {
    const server = createServer(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
  }

  test('are used again last, in the order in which they were given back', async () => {
    const ports = portQueue([1000, 1003])
    const taken = await ports.reserve('i', 'a', 3, free)
    await ports.release('i', 'a')
    const [fourth] = await ports.reserve('i', 'b', 1, free)
    assert.ok(fourth !== undefined && !taken.includes(fourth))
    assert.deepEqual(await ports.reserve('i', 'c', 3, free), taken)
  })

  test('run out with an error that says which range, and reserve nothing then', async () => {
    const ports = portQueue([1000, 1002])
    await ports.reserve('i', 'a', 1, free)
    await assert.rejects(ports.reserve('i', 'b', 3, free), {
      code: 'ports_exhausted',
      message: 'No port from 1000 to 1002 is free.',
    })
    assert.equal((await ports.reserve('i', 'c', 2, free)).length, 2)
  })

  test('that a stranger has are passed over, and looked at again later', async () => {
    const ports = portQueue([1000, 1002])
    let stranger = 0
    const others = async (port: number) => port !== stranger
    const [first = 0] = await ports.reserve('i', 'a', 1, others)
    stranger = first === 1002 ? 1000 : first + 1
    assert.equal((await ports.reserve('i', 'b', 1, others)).includes(stranger), false)
    await assert.rejects(ports.reserve('i', 'c', 1, others), { code: 'ports_exhausted' })
    const was = stranger
    stranger = 0
    assert.deepEqual(await ports.reserve('i', 'c', 1, others), [was])
  })

  test('that replicas had before a restart stay theirs, and the search goes on after the newest', async () => {
    const ports = portQueue([1000, 1004])
    await ports.restore([
      { instanceId: 'i', replicaId: 'old', ports: [1003] },
      { instanceId: 'i', replicaId: 'new', ports: [1001] },
    ])
    assert.deepEqual(await ports.reserve('i', 'b', 3, free), [1002, 1004, 1000])
    await ports.release('i', 'old')
    assert.deepEqual(await ports.reserve('i', 'c', 1, free), [1003])
  })

  test('come from a range that outgoing connections do not use', () => {
    assert.deepEqual(replicaRange(undefined, [32_768, 60_999]), [30_000, 32_700])
    assert.deepEqual(replicaRange(undefined, [1024, 40_000]), [40_001, 42_701])
    assert.deepEqual(replicaRange(undefined, [20_000, 65_535]), [17_299, 19_999])
    for (const range of [
      [32_000, 33_000],
      [40_000, 41_000],
      [1000, 65_535],
    ] as const) {
      assert.throws(() => replicaRange(range, [32_768, 60_999]), { code: 'invalid_request', message: /overlaps/ })
    }
    for (const range of [
      [10, 5],
      [0, 10],
      [1, 70_000],
      [1.5, 3],
    ] as const) {
      assert.throws(() => replicaRange(range, [32_768, 60_999]), { code: 'invalid_request', message: /no range/ })
    }
  })

  test('somebody else listens on are passed over', async t => {
    const range = narrow(3)
    for (const port of [range[0], range[1]]) await stranger(port, t)
    const world = await processWorld({ portRange: range })
    t.after(() => world.dispose())
    const spec = await world.revision(world.image(shell('exec sleep 600')), { ports: [{ name: 'http' }] })
    const [replica] = await world.start(spec)
    assert.equal(replica?.addresses['http']?.port, range[0] + 1)
    await assert.rejects(world.start(spec, 1), { code: 'ports_exhausted' })
    assert.equal((await world.provider.observe(spec.instanceId)).length, 1)
    assert.equal((await world.provider.check()).ok, true)
  })

  test('are free again once their replica is stopped', async t => {
    const world = await processWorld({ portRange: narrow(2) })
    t.after(() => world.dispose())
    const spec = await world.revision(world.image(shell('exec sleep 600')), { ports: [{ name: 'a' }, { name: 'b' }] })
    for (let round = 0; round < 3; round++) {
      await world.start(spec)
      await assert.rejects(world.start(spec, 1), { code: 'ports_exhausted' })
      await world.stopAll(spec)
    }
  })

  test('of a failed start are given back', async t => {
    const world = await processWorld({ portRange: narrow(1) })
    t.after(() => world.dispose())
    const image = world.image(shell('exec sleep 600'))
    const spec = await world.revision(image, { ports: [{ name: 'http' }] })
    await assert.rejects(
      world.provider.start({ ...spec, digest: `sha256:${'0'.repeat(64)}` }, [0], world.fence(spec)),
      {
        code: 'image_gone',
      },
    )
    let checks = 0
    const lost = world.fence(spec, {
      check: () => {
        checks++
        if (checks === 3) throw new Error('the lease is lost')
      },
    })
    await assert.rejects(world.provider.start(spec, [0], lost), /lease is lost/)
    assert.deepEqual(await world.provider.observe(spec.instanceId), [])
    assert.equal((await world.start(spec)).length, 1)
  })

  test('belong to the replica only when its own process listens there', async t => {
    const world = await processWorld({ portRange: narrow(4) })
    t.after(() => world.dispose())
    const served = await world.revision(world.image(httpServer), { ports: [{ name: 'http' }] })
    const silent = await world.revision(world.image(shell('exec sleep 600')), { ports: [{ name: 'http' }] })
    const [[server], [other]] = await Promise.all([world.start(served), world.start(silent)])
    assert.ok(server && other)
    const port = server.addresses['http']?.port ?? 0
    const foreign = other.addresses['http']?.port ?? 0
    await until('it answers', () => fetch(`http://127.0.0.1:${port}`).catch(() => undefined))
    await stranger(foreign, t)
    assert.equal((await fetch(`http://127.0.0.1:${foreign}`)).status, 200)
    assert.equal(await world.provider.owns?.(server, port), true)
    assert.equal(await world.provider.owns?.(other, foreign), false)
    assert.equal(await world.provider.owns?.(other, port), false)
    await world.stopAll(served)
    assert.equal(await world.provider.owns?.(server, port), false)
  })

  test('may be listened on by a child, and on all addresses', async t => {
    const world = await processWorld({ portRange: narrow(1) })
    t.after(() => world.dispose())
    const files = {
      ...shell('node server.mjs; true'),
      'server.mjs': `import { createServer } from 'node:http'
createServer((request, response) => response.end('ok')).listen(process.env.PORT)`,
    }
    const spec = await world.revision(world.image(files), { ports: [{ name: 'http' }] })
    const [replica] = await world.start(spec)
    assert.ok(replica)
    const port = replica.addresses['http']?.port ?? 0
    await until('it answers', () => fetch(`http://127.0.0.1:${port}`).catch(() => undefined))
    assert.equal(await world.provider.owns?.(replica, port), true)
  })

  after(() => undefined)
})
