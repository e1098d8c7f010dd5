import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isSlipwayError } from '../../../src/errors.ts'
import { environmentOf } from '../../../src/provider/process/proc.ts'
import { connectRunning } from '../../../src/router/proxy/find.ts'
import { takeLock } from '../../../src/router/proxy/lock.ts'
import { placeOf } from '../../../src/router/proxy/place.ts'
import { proxyRouter, stopProxy } from '../../../src/router/proxy/router.ts'
import { isRunning } from '../../../src/router/proxy/running.ts'
import { openFence } from '../../contract/router.ts'
import { compileCache } from '../../support/compile-cache.ts'
import { ask, gone, portOf, proxyWorld, type World } from './world.ts'

describe('the proxy as a process of its own', () => {
  let world: World
  before(async () => {
    world = await proxyWorld()
  })
  after(() => world.dispose())

  const named = async (name: string) => world.replica(name, (_req, res) => res.end(name))
  const kill = async (): Promise<void> => {
    const pid = await world.router.pid()
    process.kill(pid, 'SIGKILL')
    await gone(pid)
  }

  test('it outlives a control plane that is killed: session, group, files and environment are its own', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    const program = fileURLToPath(new URL('./control-plane.ts', import.meta.url))
    const ours = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: compileCache, PASSWORD: 'hunter2' }
    const controlPlane = spawn(process.execPath, [program, dataDir], {
      env: ours,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(async () => {
      controlPlane.kill('SIGKILL')
      await stopProxy(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    })
    const [line] = (await once(controlPlane.stdout, 'data')) as [Buffer]
    const pid = Number(line)
    // Field 5 of /proc/<pid>/stat is the group, 6 the session.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    assert.deepEqual([Number(stat[2]), Number(stat[3])], [pid, pid])
    const { PASSWORD: _, ...given } = ours
    assert.deepEqual(environmentOf(pid), { ...given, UV_THREADPOOL_SIZE: '16' })
    process.kill(controlPlane.pid ?? 0, 'SIGKILL')
    await once(controlPlane, 'exit')
    assert.ok(isRunning(pid))
    const router = await proxyRouter({ dataDir })
    assert.equal(await router.pid(), pid)
    await router.close()
  })

  test('killed, it is back at once with every route on the same ports, without being asked', async () => {
    const routed = await world.route(
      { one: { weight: 100, endpoints: [await named('a')] } },
      { hosts: ['back.localhost'] },
    )
    const front = world.router.front.port
    await kill()
    let got = ''
    while (got !== 'a') {
      got = await ask({ port: routed.port }).then(
        ({ body }) => body,
        (error: NodeJS.ErrnoException) => error.code ?? '',
      )
    }
    assert.equal((await ask({ port: front, headers: { host: 'back.localhost' } })).body, 'a')
    assert.deepEqual(await world.router.observe(routed.instanceId), routed.table)
    assert.equal((await world.router.check()).ok, true)
  })

  test('what it acknowledged before it was killed it still refuses to go back from', async () => {
    const routed = await world.route({ one: { weight: 100, endpoints: [await named('a')] } })
    await routed.change({ two: { weight: 100, endpoints: [await named('b')] } })
    await kill()
    const old = { ...routed.table, version: 1 }
    await assert.rejects(world.router.apply(old, openFence('store', routed.instanceId, 1)), error =>
      isSlipwayError(error, 'lease_lost'),
    )
    assert.equal((await ask({ port: routed.port })).body, 'b')
    await world.router.apply(routed.table, openFence('store', routed.instanceId, 1))
  })

  test('a call that finds it dead starts it again', async () => {
    const other = await proxyRouter({ dataDir: world.dataDir })
    await Promise.all([kill(), other.close()])
    assert.equal((await world.router.check()).ok, true)
  })

  test('a torn file harms its own instance only, is reported, and is healed by the next table', async () => {
    const whole = await world.route({ one: { weight: 100, endpoints: [await named('whole')] } })
    const torn = await world.route({ one: { weight: 100, endpoints: [await named('torn')] } })
    const file = join(world.dataDir, 'proxy', 'tables', `${torn.instanceId}.json`)
    writeFileSync(file, readFileSync(file).subarray(0, 40))
    await kill()
    const health = await world.router.check()
    assert.equal(health.ok, false)
    assert.match(health.message, new RegExp(torn.instanceId))
    assert.equal((await ask({ port: whole.port })).body, 'whole')
    assert.equal(await world.router.observe(torn.instanceId), undefined)
    await torn.change({ one: { weight: 100, endpoints: [await named('healed')] } })
    assert.equal((await ask({ port: torn.port })).body, 'healed')
    assert.equal((await world.router.check()).ok, true)
  })

  test('a port someone else took in between is reported, and opened when they let go', async () => {
    const routed = await world.route({ one: { weight: 100, endpoints: [await named('mine')] } })
    await world.router.shutdown()
    const thief = createServer().listen(routed.port, '127.0.0.1')
    await once(thief, 'listening')
    world.router = await proxyRouter({ dataDir: world.dataDir })
    const health = await world.router.check()
    assert.equal(health.ok, false)
    assert.match(health.message, new RegExp(String(routed.port)))
    await new Promise(resolve => thief.close(resolve))
    while (!(await world.router.check()).ok);
    assert.equal((await ask({ port: routed.port })).body, 'mine')
  })

  test('a port or host of another instance, a taken port and a lost one are refused, and nothing changes', async () => {
    const first = await world.route(
      { one: { weight: 100, endpoints: [await named('first')] } },
      { hosts: ['first.localhost'] },
    )
    const second = await world.route({ one: { weight: 100, endpoints: [await named('second')] } })
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const apply = async (port: number, hosts: string[]): Promise<void> => {
      const table = { ...second.table, version: 50, services: { web: { port, hosts, revisions: {} } } }
      await world.router.apply(table, openFence('store', second.instanceId, 1))
    }
    await assert.rejects(apply(first.port, []), error => isSlipwayError(error, 'already_exists'))
    await assert.rejects(apply(second.port, ['first.localhost']), error => isSlipwayError(error, 'already_exists'))
    await assert.rejects(apply(portOf(taken), []), error => isSlipwayError(error, 'unavailable'))
    await assert.rejects(apply(world.router.front.port, []), error => isSlipwayError(error, 'unavailable'))
    assert.equal((await ask({ port: first.port })).body, 'first')
    assert.equal((await ask({ port: second.port })).body, 'second')
    taken.close()
  })

  test('a forgotten instance has no port, host or file left', async () => {
    const routed = await world.route(
      { one: { weight: 100, endpoints: [await named('a')] } },
      { hosts: ['gone.localhost'] },
    )
    await world.router.forget(routed.instanceId, openFence('store', routed.instanceId, 1))
    await assert.rejects(ask({ port: routed.port }), { code: 'ECONNREFUSED' })
    assert.equal((await ask({ port: world.router.front.port, headers: { host: 'gone.localhost' } })).status, 404)
    const files = readdirSync(join(world.dataDir, 'proxy', 'tables'))
    assert.ok(!files.some(name => name.includes(routed.instanceId)))
  })

  test('several callers at once start one process, and others cannot reach its control socket', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    t.after(() => rmSync(dataDir, { recursive: true, force: true }))
    const routers = await Promise.all([proxyRouter({ dataDir }), proxyRouter({ dataDir }), proxyRouter({ dataDir })])
    const pids = new Set(await Promise.all(routers.map(router => router.pid())))
    assert.equal(pids.size, 1)
    const { socket } = JSON.parse(readFileSync(join(dataDir, 'proxy', 'process.json'), 'utf8')) as { socket: string }
    assert.equal(statSync(join(socket, '..')).mode & 0o777, 0o700)
    assert.equal(statSync(join(dataDir, 'proxy')).mode & 0o777, 0o700)
    assert.ok(Buffer.byteLength(socket) < 108)
    await assert.rejects(proxyRouter({ dataDir, frontPort: 1 }), error => isSlipwayError(error, 'bad_options'))
    await Promise.all(routers.slice(1).map(router => router.close()))
    await routers[0]?.shutdown()
    const [pid = 0] = pids
    assert.ok(!isRunning(pid))
    await stopProxy(dataDir)
  })

  test('ended while it is being started again, it stays ended', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    t.after(() => rmSync(dataDir, { recursive: true, force: true }))
    const [one, two] = [await proxyRouter({ dataDir }), await proxyRouter({ dataDir })]
    const pid = await one.pid()
    process.kill(pid, 'SIGKILL')
    await gone(pid)
    await two.close()
    await one.shutdown()
    assert.equal(await connectRunning(placeOf(dataDir), { onEnd: () => {} }), undefined)
    const lock = takeLock(placeOf(dataDir).lock)
    assert.ok(lock, 'no process is about to serve')
    lock.release()
  })

  test('ended, it leaves no folder for its control socket behind', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    t.after(() => rmSync(dataDir, { recursive: true, force: true }))
    const router = await proxyRouter({ dataDir })
    const { socket } = JSON.parse(readFileSync(placeOf(dataDir).process, 'utf8')) as { socket: string }
    assert.ok(existsSync(socket))
    await router.shutdown()
    assert.equal(existsSync(join(socket, '..')), false)
  })

  test('a control socket that was swept away is made again by the process that serves', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    const router = await proxyRouter({ dataDir })
    t.after(async () => {
      await router.shutdown()
      rmSync(dataDir, { recursive: true, force: true })
    })
    const { socket } = JSON.parse(readFileSync(join(dataDir, 'proxy', 'process.json'), 'utf8')) as { socket: string }
    rmSync(join(socket, '..'), { recursive: true })
    const other = await proxyRouter({ dataDir })
    assert.equal(await other.pid(), await router.pid())
    await other.close()
  })

  test('a front port that cannot be had is an error that says so', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
    const thief = createServer().listen(0, '127.0.0.1')
    await once(thief, 'listening')
    t.after(() => {
      thief.close()
      rmSync(dataDir, { recursive: true, force: true })
    })
    await assert.rejects(proxyRouter({ dataDir, frontPort: portOf(thief) }), error => {
      assert.ok(isSlipwayError(error, 'unavailable'))
      assert.match(error.message, /EADDRINUSE/)
      return true
    })
  })

  test('a router that was closed says so', async () => {
    const other = await proxyRouter({ dataDir: world.dataDir })
    await other.close()
    await assert.rejects(other.check(), error => isSlipwayError(error, 'closed'))
  })
})
