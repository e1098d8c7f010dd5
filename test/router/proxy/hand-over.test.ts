import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connectRunning } from '../../../src/router/proxy/find.ts'
import { takeLock } from '../../../src/router/proxy/lock.ts'
import { placeOf } from '../../../src/router/proxy/place.ts'
import { processesOf } from '../../support/processes.ts'
import type { Doom } from './doomed-main.ts'
import { answers, ask, constantLoad, draining, eventually, proxyWorld, type Routed, type World } from './world.ts'

const doomedMain = fileURLToPath(new URL('./doomed-main.ts', import.meta.url))
const controlPlane = fileURLToPath(new URL('./control-plane.ts', import.meta.url))
const full = process.env['SLIPWAY_TEST_FULL'] === '1'
const moments = [
  'say loaded',
  'said loaded',
  'heard listener',
  'heard all',
  'say ready',
  'said ready',
  'heard left',
  'say serving',
  'said serving',
]

describe('kill -9 in the middle of a hand-over', () => {
  let world: World
  let routed: Routed
  let endpoint: Awaited<ReturnType<World['replica']>>
  before(async () => {
    world = await proxyWorld()
    endpoint = await world.replica('r', (_req, res) => res.end('ok'))
    routed = await world.route({ one: { weight: 100, endpoints: [endpoint] } }, { hosts: ['up.localhost'] })
    await world.route({ one: { weight: 100, endpoints: [endpoint] } })
  })
  after(() => world.dispose())

  const doom = (at: string, victim: Doom['victim']): void =>
    writeFileSync(join(world.dataDir, 'proxy', 'doom.json'), JSON.stringify({ at, victim } satisfies Doom))
  const upgrade = async (): Promise<unknown> => {
    const client = await connectRunning(placeOf(world.dataDir), { onEnd: () => {} })
    assert.ok(client)
    const outcome = await client
      .call('upgrade', { node: process.execPath, main: doomedMain }, 60_000)
      .catch((error: unknown) => error)
    client.close()
    return outcome
  }
  const proxies = (): number[] => processesOf(join(world.dataDir, 'proxy'))
  /** One process, every port, the lock, and tables can be changed. */
  const assertWhole = async (): Promise<void> => {
    await answers(routed.port, 'ok')
    await answers(world.router.front.port, 'ok', { host: 'up.localhost' })
    const until = performance.now() + 20_000
    const settled = async () => proxies().length === 1 && (await world.router.check()).ok
    while (!(await settled())) {
      const state = `${proxies().length} processes, ${(await world.router.check()).message}`
      assert.ok(performance.now() < until, state)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    assert.deepEqual(proxies(), [await world.router.pid()])
    assert.equal(takeLock(placeOf(world.dataDir).lock), undefined)
    await routed.change({ one: { weight: 100, endpoints: draining(endpoint) } })
    assert.equal((await ask({ port: routed.port })).status, 503)
    await routed.change({ one: { weight: 100, endpoints: [endpoint] } })
    assert.equal((await ask({ port: routed.port })).body, 'ok')
  }

  for (const [index, at] of moments.entries()) {
    test(`of the new process (${at}): one of them serves`, async () => {
      doom(at, 'new')
      const old = await world.router.pid()
      const outcome = await upgrade()
      await assertWhole()
      // It counts as the one that serves once it has said so.
      const servesOn = at !== 'said serving'
      if (servesOn)
        assert.match(String(outcome), /did not take over: (?:it was ended by SIGKILL|.*given the ports|it hung up)/)
      assert.equal((await world.router.pid()) === old, servesOn)
    })

    test(`of the old process (${at}): one of them serves`, async () => {
      doom(at, 'old')
      const old = await world.router.pid()
      await upgrade()
      await assertWhole()
      assert.notEqual(await world.router.pid(), old)
    })

    // The old process drives the hand-over, so here the moment matters least.
    const skip = !full && index % 2 === 1
    test(`of the control plane (${at}): the hand-over goes on, and nothing is lost`, { skip }, async t => {
      const child = spawn(process.execPath, [controlPlane, world.dataDir, doomedMain], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      t.after(() => child.kill('SIGKILL'))
      await once(child.stdout, 'data')
      doom(at, child.pid ?? 0)
      const old = await world.router.pid()
      const load = constantLoad(2, () => ({ port: routed.port }))
      const exit = once(child, 'exit')
      child.stdin.write('go\n')
      await exit
      await eventually(async () => (await world.router.pid()) !== old)
      for (const until = load.sent + 20; load.sent < until; ) await ask({ port: routed.port })
      await load.stop()
      assert.deepEqual(load.wrong, [])
      await assertWhole()
    })
  }
  after(() => rmSync(join(world.dataDir, 'proxy', 'doom.json'), { force: true }))
})

test('ended in the middle of a hand-over, the proxy stays ended, and so does its successor', async () => {
  const world = await proxyWorld()
  try {
    const client = await connectRunning(placeOf(world.dataDir), { onEnd: () => {} })
    assert.ok(client)
    const program = { node: process.execPath, main: fileURLToPath(new URL('./slow-main.ts', import.meta.url)) }
    const upgrade = client.call('upgrade', program, 60_000).catch((error: unknown) => error)
    const folder = join(world.dataDir, 'proxy')
    await eventually(() => processesOf(folder).length === 2)
    await world.router.shutdown()
    await upgrade
    await eventually(() => processesOf(folder).length === 0)
    assert.equal(await connectRunning(placeOf(world.dataDir), { onEnd: () => {} }), undefined)
  } finally {
    await world.dispose()
  }
})
