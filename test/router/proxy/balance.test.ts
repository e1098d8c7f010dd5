import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Ask, ask, draining, keptAgent, proxyWorld, type World } from './world.ts'

/** Asks so many times over kept connections, twenty at once, and counts the bodies. */
async function tally(request: Ask, times: number): Promise<Record<string, number>> {
  const agent = keptAgent()
  const counts: Record<string, number> = {}
  let left = times
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const { body } = await ask({ ...request, agent })
      counts[body] = (counts[body] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 20 }, client))
  agent.destroy()
  return counts
}

describe('shares of traffic', () => {
  let world: World
  before(async () => {
    world = await proxyWorld()
  })
  after(() => world.dispose())

  const named = async (name: string) => world.replica(name, (_req, res) => res.end(name))

  for (const weight of [5, 25, 50]) {
    test(`a revision at ${weight} % gets exactly its share of 2,000 requests`, async () => {
      const [old, fresh] = [await named('old'), await named('new')]
      const { port, instanceId } = await world.route({
        old: { weight: 100 - weight, endpoints: [old] },
        new: { weight, endpoints: [fresh] },
      })
      assert.deepEqual(await tally({ port }, 2000), { old: 20 * (100 - weight), new: 20 * weight })
      const traffic = await world.router.traffic(instanceId)
      const counted = Object.fromEntries(traffic.map(({ revision, requests }) => [revision, requests]))
      assert.deepEqual(counted, { old: 20 * (100 - weight), new: 20 * weight })
    })
  }

  test('a new version of the table with the same weights does not disturb the shares', async () => {
    const [old, fresh] = [await named('old'), await named('new')]
    const revisions = { old: { weight: 95, endpoints: [old] }, new: { weight: 5, endpoints: [fresh] } }
    const routed = await world.route(revisions)
    const bodies: string[] = []
    for (let i = 0; i < 40; i++) {
      bodies.push((await ask({ port: routed.port })).body)
      await routed.change(revisions)
    }
    assert.equal(bodies.filter(body => body === 'new').length, 2)
  })

  test('the share of a revision without a serving replica goes to the others, and comes back', async () => {
    const [a, b, c] = [await named('a'), await named('b'), await named('c')]
    const revisions = {
      a: { weight: 50, endpoints: [a] },
      b: { weight: 30, endpoints: [b] },
      c: { weight: 20, endpoints: [c] },
    }
    const routed = await world.route({ ...revisions, a: { weight: 50, endpoints: draining(a) } })
    assert.deepEqual(await tally(routed, 100), { b: 60, c: 40 })
    await routed.change(revisions)
    assert.deepEqual(await tally(routed, 100), { a: 50, b: 30, c: 20 })
  })

  test('a revision of weight 0 gets nothing, even when nobody else can answer', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { port } = await world.route({
      a: { weight: 100, endpoints: draining(a) },
      b: { weight: 0, endpoints: [b] },
    })
    const { status, headers, body } = await ask({ port })
    assert.equal(status, 503)
    assert.equal(headers['retry-after'], '1')
    assert.equal(headers['content-type'], 'application/problem+json')
    assert.equal((JSON.parse(body) as { code: string }).code, 'no_replica')
  })

  test('replicas of a revision take turns, and a busy one is left alone', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const arrived = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const slow = await world.replica('slow', (req, res) => {
      if (req.url !== '/wait') return void res.end('slow')
      arrived.resolve()
      void release.promise.then(() => res.end('waited'))
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [slow, a, b] } })
    const waiting = ask({ port, path: '/wait' })
    await arrived.promise
    const bodies = []
    for (let i = 0; i < 10; i++) bodies.push((await ask({ port })).body)
    assert.equal(bodies.filter(body => body === 'slow').length, 0)
    assert.ok(bodies.includes('a') && bodies.includes('b'))
    release.resolve()
    assert.equal((await waiting).body, 'waited')
  })

  test('a client with the cookie stays on the revision it met first, for as long as that has weight', async () => {
    const [old, fresh] = [await named('old'), await named('new')]
    const routed = await world.route(
      { old: { weight: 50, endpoints: [old] }, new: { weight: 50, endpoints: [fresh] } },
      { stickyCookie: 'revision' },
    )
    const first = await ask(routed)
    const [cookie] = (first.headers['set-cookie']?.[0] ?? '').split(';')
    assert.match(cookie ?? '', /^revision=[0-9a-f]{16}$/)
    const headers = { cookie: `other=1; ${cookie}` }
    for (let i = 0; i < 10; i++) {
      const again = await ask({ port: routed.port, headers })
      assert.equal(again.body, first.body)
      assert.equal(again.headers['set-cookie'], undefined)
    }
    const weights = first.body === 'old' ? { old: 0, new: 100 } : { old: 100, new: 0 }
    await routed.change({
      old: { weight: weights.old, endpoints: [old] },
      new: { weight: weights.new, endpoints: [fresh] },
    })
    const moved = await ask({ port: routed.port, headers })
    assert.notEqual(moved.body, first.body)
    assert.equal(moved.headers['set-cookie']?.length, 1)
  })
})
