import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isSlipwayError, SlipwayError } from '../../../src/errors.ts'
import { comeback } from '../../../src/router/proxy/comeback.ts'
import { runningProcess } from '../../../src/router/proxy/find.ts'
import { heartbeat } from '../../../src/router/proxy/heartbeat.ts'
import { placeOf } from '../../../src/router/proxy/place.ts'
import { proxyRouter, stopProxy } from '../../../src/router/proxy/router.ts'
import { isRunning } from '../../../src/router/proxy/running.ts'
import { openFence } from '../../contract/router.ts'
import { answers, ask, constantLoad, eventually, gone, proxyWorld, type Routed, type World } from './world.ts'

const controlPlane = fileURLToPath(new URL('./control-plane.ts', import.meta.url))

describe('the proxy never stays down', () => {
  let world: World
  let routed: Routed
  before(async () => {
    world = await proxyWorld()
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
  })
  after(() => world.dispose())

  const kill = async (of = world): Promise<number> => {
    const pid = await of.router.pid()
    process.kill(pid, 'SIGKILL')
    await gone(pid)
    return pid
  }

  test('killed under load it answers again by itself, and only what the dead process had is lost', async t => {
    let told = 0
    const unwatch = world.router.watch?.(() => void told++)
    const load = constantLoad(8, () => ({ port: routed.port }))
    for (const until = load.sent + 200; load.sent < until; ) await ask({ port: routed.port })
    assert.deepEqual(load.wrong, [])
    await kill()
    const tookMs = await answers(routed.port, 'ok')
    const lost = load.wrong.length
    for (const until = load.sent + 200; load.sent < until; ) await ask({ port: routed.port })
    await load.stop()
    t.diagnostic(`answered again after ${Math.round(tookMs)} ms`)
    // Reach 2 s; ten times that tells stuck from slow.
    assert.ok(tookMs < 20_000, `${tookMs} ms`)
    // Each client may have met the end once more while we noticed that it was over.
    assert.ok(load.wrong.length <= lost + 8, `${load.wrong.length - lost} more were lost after it was back`)
    const codes = new Set(load.wrong.map(error => (error as NodeJS.ErrnoException).code))
    assert.deepEqual(
      [...codes].filter(code => code !== 'ECONNREFUSED' && code !== 'ECONNRESET'),
      [],
    )
    assert.equal(told, 1)
    unwatch?.()
  })

  test('killed again and again it comes back after longer and longer pauses, says so, and never gives up', async () => {
    const before = world.warnings.length
    const pids = new Set<number>()
    const waits = () =>
      world.warnings
        .slice(before)
        .flatMap(({ text, waitMs }) => (text.includes('again and again') ? [Number(waitMs)] : []))
    let kills = 0
    for (; waits().length < 3; kills++) {
      assert.ok(kills < 30, JSON.stringify(world.warnings))
      pids.add(await kill())
      await answers(routed.port, 'ok')
    }
    pids.add(await world.router.pid())
    assert.equal(pids.size, kills + 1)
    const ms = waits()
    for (const [index, wait] of ms.entries()) assert.ok(index === 0 || wait > (ms[index - 1] ?? 0), ms.join(', '))
  })

  test('stopped for a while it answers late; for longer than a call may take, the call fails and the next one does not', async () => {
    const hasty = await proxyRouter({ dataDir: world.dataDir, callTimeoutMs: 300 })
    const pid = await world.router.pid()
    process.kill(pid, 'SIGSTOP')
    const late = ask({ port: routed.port })
    await assert.rejects(hasty.check(), error => isSlipwayError(error, 'unavailable'))
    process.kill(pid, 'SIGCONT')
    assert.equal((await late).body, 'ok')
    assert.equal((await world.router.check()).ok, true)
    assert.equal(await world.router.pid(), pid)
    await hasty.close()
  })

  test('one that answers nothing for too long is ended, and another serves', async () => {
    const strict = await proxyRouter({ dataDir: world.dataDir, deafAfterMs: 1000 })
    const pid = await strict.pid()
    process.kill(pid, 'SIGSTOP')
    await eventually(() => !isRunning(pid))
    await answers(routed.port, 'ok')
    assert.notEqual(await strict.pid(), pid)
    await strict.close()
  })

  test('one that answers nothing is ended though its folder, which named it, is gone', async t => {
    const world = await proxyWorld({ deafAfterMs: 1000 })
    const pid = await world.router.pid()
    t.after(async () => {
      if (isRunning(pid)) process.kill(pid, 'SIGCONT')
      await world.dispose()
    })
    process.kill(pid, 'SIGSTOP')
    rmSync(placeOf(world.dataDir).state, { recursive: true })
    await eventually(() => !isRunning(pid))
    assert.notEqual(await world.router.pid(), pid)
    assert.deepEqual(
      world.warnings.flatMap(warning => (warning.text.includes('answers nothing') ? [warning['pid']] : [])),
      [pid],
    )
  })

  test('what its death kept from being answered is not sent again once the lease has run out', async () => {
    const { instanceId, table } = routed
    const lost = new SlipwayError('lease_lost', 'The lease ran out meanwhile.')
    let checks = 0
    const fence = {
      ...openFence('store', instanceId, 1),
      check: () => {
        if (checks++ > 0) throw lost
      },
    }
    const pid = await world.router.pid()
    // It can take nothing any more when the table is sent to it.
    process.kill(pid, 'SIGSTOP')
    const refused = assert.rejects(world.router.apply({ ...table, version: table.version + 1 }, fence), lost)
    process.kill(pid, 'SIGKILL')
    await refused
    assert.equal(checks, 2)
    assert.deepEqual(await world.router.observe(instanceId), table)
  })

  test('while it cannot be started calls say so in their time, and it comes up as soon as it can', async t => {
    const world = await proxyWorld()
    t.after(() => world.dispose())
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
    const { log } = placeOf(world.dataDir)
    renameSync(log, `${log}.kept`)
    mkdirSync(log)
    await kill(world)
    await assert.rejects(world.router.check(), error => isSlipwayError(error, 'unavailable'))
    const failed = () => world.warnings.filter(({ text }) => text.includes('could not be started'))
    await eventually(() => failed().length >= 3)
    rmSync(log, { recursive: true })
    await answers(routed.port, 'ok')
    // Nobody asked the router meanwhile: it came back by itself.
    assert.equal((await world.router.check()).ok, true)
  })

  test('its folder gone and itself killed right after, it comes back all the same', { timeout: 60_000 }, async t => {
    // In a process of its own: what hangs there would hang here.
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    const plane = spawn(process.execPath, [controlPlane, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(async () => {
      plane.kill('SIGKILL')
      await stopProxy(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    })
    const [line] = (await once(plane.stdout, 'data')) as [Buffer]
    const pid = Number(line)
    const place = placeOf(dataDir)
    // Stopped, it cannot put the folder back.
    process.kill(pid, 'SIGSTOP')
    rmSync(place.state, { recursive: true })
    process.kill(pid, 'SIGKILL')
    await eventually(() => {
      const now = runningProcess(place)?.pid
      return now !== undefined && now !== pid && isRunning(now)
    })
  })

  test('one that hangs when the control plane starts is ended as well', async () => {
    const pid = await world.router.pid()
    await world.router.close()
    process.kill(pid, 'SIGSTOP')
    world.router = await proxyRouter({ dataDir: world.dataDir, deafAfterMs: 1000 })
    assert.ok(!isRunning(pid))
    assert.equal((await ask({ port: routed.port })).body, 'ok')
  })
})

describe('when to start a proxy that died', () => {
  test('at once when it had served for a while, later each time when it dies young, and never more than 2 s later', () => {
    let now = 0
    const back = comeback(() => now)
    const delays: number[] = []
    for (let i = 0; i < 10; i++) {
      delays.push(back.nextMs())
      back.served()
      now += 1000
    }
    assert.deepEqual(delays, [0, 0, 50, 100, 200, 400, 800, 1600, 2000, 2000])
    now += 2000
    assert.equal(back.nextMs(), 0)
  })

  test('one that never came up is no better than one that died young', () => {
    const back = comeback(() => 0)
    assert.deepEqual([back.nextMs(), back.nextMs(), back.nextMs(), back.nextMs()], [0, 0, 50, 100])
  })
})

test('who is deaf is asked on, and told of again', { timeout: 20_000 }, async t => {
  const asked: number[] = []
  let told = 0
  const { promise: twice, resolve } = Promise.withResolvers<void>()
  const pulse = heartbeat(
    { everyMs: 5, deafAfterMs: 20 },
    () => asked.push(told),
    () => {
      told++
      if (told === 2) resolve()
    },
  )
  // Its timer keeps no process alive.
  const awake = setInterval(() => {}, 1000)
  t.after(() => {
    clearInterval(awake)
    pulse.stop()
  })
  await twice
  assert.ok(asked.includes(1), 'it was not asked again after it was deaf')
})

test('who was stalled itself does not say that the other one is deaf', async () => {
  let deaf = false
  const pulse = heartbeat(
    { everyMs: 20, deafAfterMs: 10_000 },
    () => {},
    () => {
      deaf = true
    },
  )
  const impatient = heartbeat(
    { everyMs: 20, deafAfterMs: 100 },
    () => {},
    () => {
      deaf = true
    },
  )
  // A stall of 300 ms is one tick, not fifteen.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  await new Promise(resolve => setTimeout(resolve, 25))
  assert.equal(deaf, false)
  pulse.stop()
  impatient.stop()
})
