import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { oldestProtocol, protocol } from '../../../src/router/proxy/control.ts'
import { proxyRouter, stopProxy } from '../../../src/router/proxy/router.ts'
import { isRunning } from '../../../src/router/proxy/running.ts'
import { compareVersions, ownVersion } from '../../../src/router/proxy/version.ts'
import { type Release, release } from './release.ts'
import { answers, ask, constantLoad, eventually, gone, proxyWorld, type World } from './world.ts'

describe('a control plane that finds a proxy of another version', () => {
  // What was opened last is closed first; a test's own hooks run the other way round.
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close()
  })
  const dataFolder = (): string => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    open.push(async () => {
      await stopProxy(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    })
    return dataDir
  }
  const of = async (...args: Parameters<typeof release>): Promise<Release> => {
    const other = await release(...args)
    open.push(() => other.remove())
    return other
  }
  const startedBy = async ({ proxyRouter: other }: Release, dataDir: string): Promise<number> => {
    const router = await other({ dataDir })
    const pid = await router.pid()
    await router.close()
    return pid
  }
  const worldOn = async (options: Parameters<typeof proxyWorld>[0]): Promise<World> => {
    const world = await proxyWorld(options)
    open.push(() => world.dispose())
    return world
  }

  test('upgrades an older one in place, without a request lost', async () => {
    const dataDir = dataFolder()
    const older = await of('0.0.9')
    const pid = await startedBy(older, dataDir)
    // A control plane of the old version routes, and load flows.
    const before = await older.proxyRouter({ dataDir })
    const world = await worldOn({ dataDir, upgradeRetryMs: 60_000 })
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
    const load = constantLoad(4, () => ({ port: routed.port }))
    await eventually(async () => (await world.router.pid()) !== pid)
    for (const until = load.sent + 200; load.sent < until; ) await ask({ port: routed.port })
    await load.stop()
    assert.deepEqual(load.wrong, [])
    await gone(pid)
    const now = await world.router.pid()
    // The older control plane uses the newer proxy as it is.
    assert.equal(await before.pid(), now)
    assert.equal((await before.check()).ok, true)
    await before.close()
    const again = await proxyRouter({ dataDir })
    assert.equal(await again.pid(), now)
    await again.close()
  })

  test('upgrades one that talks as nobody does any more before it says anything else', async () => {
    const dataDir = dataFolder()
    const ancient = await of('0.0.1', {
      'router/proxy/control.ts': text =>
        text
          .replace(`export const protocol = ${protocol}`, `export const protocol = ${oldestProtocol - 1}`)
          .replace(/export const oldestProtocol = \d+/, 'export const oldestProtocol = 0'),
    })
    const pid = await startedBy(ancient, dataDir)
    const router = await proxyRouter({ dataDir })
    assert.notEqual(await router.pid(), pid)
    await router.close()
  })

  test('leaves a newer one alone', async () => {
    const dataDir = dataFolder()
    const pid = await startedBy(await of('99.0.0'), dataDir)
    const world = await worldOn({ dataDir, upgradeRetryMs: 1 })
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
    assert.equal((await ask({ port: routed.port })).body, 'ok')
    assert.equal(await world.router.pid(), pid)
    assert.deepEqual(world.warnings, [])
  })

  test('says what to do about a newer one that it cannot talk to, which serves on', async () => {
    const dataDir = dataFolder()
    const future = await of('99.0.0', {
      'router/proxy/control.ts': text =>
        text
          .replace(`export const protocol = ${protocol}`, `export const protocol = ${protocol + 1}`)
          .replace(`export const oldestProtocol = ${oldestProtocol}`, `export const oldestProtocol = ${protocol + 1}`),
    })
    const pid = await startedBy(future, dataDir)
    await assert.rejects(proxyRouter({ dataDir }), error => {
      assert.ok(isSlipwayError(error, 'unavailable'))
      assert.match(error.message, /version 99\.0\.0/)
      assert.match(error.next ?? '', new RegExp(`kill ${pid}`))
      return true
    })
    assert.ok(isRunning(pid))
  })

  test('keeps an older one that cannot be replaced, says so, and tries again until it can', async () => {
    const dataDir = dataFolder()
    const stubborn = await of('0.0.9', {
      // It ends the first two that come to take over, before they do.
      'router/proxy/hand-over.ts': text =>
        text
          .replace("await heard(child, 'loaded'", "if (attempts++ < 2) child.kill()\n    await heard(child, 'loaded'")
          .concat('\nlet attempts = 0\n'),
    })
    const pid = await startedBy(stubborn, dataDir)
    const world = await worldOn({ dataDir, upgradeRetryMs: 20 })
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
    await eventually(async () => {
      assert.equal((await ask({ port: routed.port })).body, 'ok')
      return (await world.router.pid()) !== pid
    })
    const failures = world.warnings.filter(({ text }) => text.includes('could not be upgraded'))
    assert.deepEqual(
      failures.map(({ retryMs }) => retryMs),
      [20, 40],
    )
    await answers(routed.port, 'ok')
  })

  test('does not say that it was upgraded when another one took its place, and tries again', async () => {
    const dataDir = dataFolder()
    const older = await of('0.0.9', {
      // As it answers when it found its place taken in the middle of the first hand-over.
      'router/proxy/main.ts': text =>
        text.replace('upgrade: async ({ node, main }) => {', match =>
          match.concat('\nif (!globalThis.asked) { globalThis.asked = true; return { pid: 0 } }\n'),
        ),
    })
    const pid = await startedBy(older, dataDir)
    const world = await worldOn({ dataDir, upgradeRetryMs: 20 })
    await eventually(async () => (await world.router.pid()) !== pid)
    const failures = world.warnings.filter(({ text }) => text.includes('could not be upgraded'))
    assert.deepEqual(
      failures.map(({ retryMs }) => retryMs),
      [20],
    )
    assert.match(String(failures[0]?.['error']), /Another proxy took the place/u)
  })
})

test('versions are ordered as semantic versioning orders them', () => {
  const ordered = ['0.0.9', '0.1.0-alpha.2', '0.1.0-alpha.10', '0.1.0', '0.2.0', '0.10.0', '1.0.0', '10.0.0']
  const shuffled = ordered.toReversed()
  assert.deepEqual(shuffled.sort(compareVersions), ordered)
  assert.equal(compareVersions('1.2.3+build', '1.2.3'), 0)
  assert.match(ownVersion, /^\d+\.\d+\.\d+/)
})
