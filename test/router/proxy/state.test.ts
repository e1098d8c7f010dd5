import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { runningProcess } from '../../../src/router/proxy/find.ts'
import { takeLock } from '../../../src/router/proxy/lock.ts'
import { type Place, placeOf, socketFolderPath } from '../../../src/router/proxy/place.ts'
import { proxyRouter } from '../../../src/router/proxy/router.ts'
import { openFence } from '../../contract/router.ts'
import { lanePorts } from '../../support/ports.ts'
import { answers, ask, eventually, gone, patienceMs, proxyWorld, type Routed, type World } from './world.ts'

/** What may have become of a file. */
const damages: Readonly<Record<string, (file: string) => void>> = {
  'cut in the middle': file => truncateSync(file, 40),
  'empty after a power loss': file => truncateSync(file, 0),
  'zeroes after a power loss': file => writeFileSync(file, Buffer.alloc(200)),
  garbage: file => writeFileSync(file, 'What is this?'),
  'of another shape': file => writeFileSync(file, '{"tables":[]}'),
  gone: file => rmSync(file),
  'a folder': file => {
    rmSync(file, { force: true })
    mkdirSync(join(file, 'deep'), { recursive: true })
  },
}

/** Those tried on files of which nothing but the whole is read: the others come to the same. */
const unread: ReadonlySet<string> = new Set(['empty after a power loss', 'garbage', 'gone', 'a folder'])

describe('what the proxy keeps on disk', () => {
  let world: World
  let place: Place
  let other: Routed
  before(async () => {
    world = await proxyWorld({ storeId: 'store' })
    place = placeOf(world.dataDir)
    other = await world.route({ one: { weight: 100, endpoints: [await named('other')] } }, { hosts: ['o.localhost'] })
  })
  after(() => world.dispose())

  const named = async (name: string) => world.replica(name, (_req, res) => res.end(name))
  const kill = async (): Promise<void> => {
    const pid = await world.router.pid()
    process.kill(pid, 'SIGKILL')
    await gone(pid)
  }
  /** Nothing runs; then it is started again by a new control plane. */
  const whileDown = async (change: () => void): Promise<void> => {
    const pid = await world.router.pid()
    await world.router.close()
    process.kill(pid, 'SIGKILL')
    await gone(pid)
    change()
    world.router = await proxyRouter({
      dataDir: world.dataDir,
      storeId: 'store',
      callTimeoutMs: patienceMs,
      portRange: lanePorts().routes,
    })
  }
  const tableOf = ({ instanceId }: Routed): unknown =>
    JSON.parse(read(join(place.tables, `${instanceId}.json`)) ?? 'null') as unknown
  for (const [damage, make] of Object.entries(damages)) {
    test(`a table that is ${damage} harms its own instance only, is told, and is put right by the next`, async () => {
      const torn = await world.route({ one: { weight: 100, endpoints: [await named('torn')] } })
      make(join(place.tables, `${torn.instanceId}.json`))
      await kill()
      assert.equal(await world.router.observe(torn.instanceId), undefined)
      const health = await world.router.check()
      if (damage !== 'gone') {
        assert.equal(health.ok, false)
        assert.match(health.message, new RegExp(`${torn.instanceId}.json could not be used`))
        assert.match(readFileSync(place.log, 'utf8'), new RegExp(`"file":"${torn.instanceId}.json"`))
      }
      assert.equal((await ask({ port: other.port })).body, 'other')
      await torn.change({ one: { weight: 100, endpoints: [await named('fed')] } })
      assert.equal((await ask({ port: torn.port })).body, 'fed')
      await kill()
      await answers(torn.port, 'fed')
      assert.deepEqual(await world.router.check(), {
        ok: true,
        message: health.message.split(';')[0]?.replace(/\d+/, number => String(Number(number) + 1)),
      })
    })

    if (!unread.has(damage)) continue

    test(`a front.json that is ${damage} changes no port, for the same is told in process.json`, async () => {
      const front = world.router.front.port
      await whileDown(() => make(place.front))
      assert.equal(world.router.front.port, front)
      await answers(front, 'other', { host: 'o.localhost' })
      await eventually(() => read(place.front) === JSON.stringify({ port: front }))
    })

    test(`a process.json that is ${damage} hides nobody who runs, and is put right`, async () => {
      make(place.process)
      const second = await proxyRouter({ dataDir: world.dataDir, storeId: 'store', callTimeoutMs: patienceMs })
      assert.equal(await second.pid(), await world.router.pid())
      await second.close()
      const pid = await world.router.pid()
      await eventually(() => runningProcess(place)?.pid === pid)
    })

    test(`a lock that is ${damage} keeps nobody from starting, and lets no second one in`, async () => {
      await whileDown(() => {
        make(place.lock)
        make(place.starting)
      })
      await answers(other.port, 'other')
      assert.equal(takeLock(place.lock), undefined)
    })
  }

  test('a lock that is removed while the proxy serves is taken again', async () => {
    const pid = await world.router.pid()
    rmSync(place.lock)
    // Whoever tries it before the proxy has it again may take it from under its hands.
    await eventually(() => existsSync(place.lock))
    await eventually(() => {
      const mine = takeLock(place.lock)
      mine?.release()
      return mine === undefined
    })
    assert.equal(await world.router.pid(), pid)
  })

  test('a table of another store serves on, is told, and gives way to ours', async () => {
    const routed = await world.route({ one: { weight: 100, endpoints: [await named('ours')] } })
    const foreign = { ...routed.table, storeId: 'stranger', epoch: 99 }
    await whileDown(() => writeFileSync(join(place.tables, `${routed.instanceId}.json`), JSON.stringify(foreign)))
    assert.deepEqual(await world.router.observe(routed.instanceId), foreign)
    assert.match((await world.router.check()).message, /belongs to another store/)
    await answers(routed.port, 'ours')
    await world.router.apply({ ...routed.table, version: 2 }, openFence('store', routed.instanceId, 1))
    assert.deepEqual(await world.router.observe(routed.instanceId), { ...routed.table, version: 2 })
    assert.equal((await world.router.check()).ok, true)
    const stranger = world.router.apply({ ...foreign, epoch: 100 }, openFence('stranger', routed.instanceId, 100))
    await assert.rejects(stranger, /store/)
  })

  test('tables whose folder is removed while the proxy serves are written again', async () => {
    rmSync(place.tables, { recursive: true })
    await eventually(() => isDeepStrictEqual(tableOf(other), other.table))
    await kill()
    await answers(other.port, 'other')
  })

  test('all of it removed while the proxy serves is there again, and nothing was missed meanwhile', async () => {
    const pid = await world.router.pid()
    rmSync(place.state, { recursive: true })
    await eventually(() => runningProcess(place)?.pid === pid)
    assert.equal((await ask({ port: other.port })).body, 'other')
    await eventually(() => isDeepStrictEqual(tableOf(other), other.table))
    await kill()
    await answers(other.port, 'other')
  })

  test('a file where the folder of the control socket should be makes way', async () => {
    const socket = runningProcess(place)?.socket
    assert.ok(socket)
    await whileDown(() => {
      rmSync(dirname(socket), { recursive: true })
      writeFileSync(dirname(socket), '')
    })
    await answers(other.port, 'other')
  })
})

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    void error // because what is not there yet is awaited
    return undefined
  }
}

test('the control socket of a user with a deep folder for what runs is below /tmp, as a path of a socket is short', t => {
  const deep = mkdtempSync(join(tmpdir(), 'slipway-deep-'))
  t.after(() => rmSync(deep, { recursive: true }))
  const runtime = join(deep, 'x'.repeat(120 - deep.length - 1))
  mkdirSync(runtime)
  const place = { ...placeOf(deep), state: deep }
  const before = process.env['XDG_RUNTIME_DIR']
  // Nothing is awaited while it is set.
  process.env['XDG_RUNTIME_DIR'] = runtime
  try {
    assert.match(socketFolderPath(place), /^\/tmp\/slipway-[0-9a-f]{16}$/)
    process.env['XDG_RUNTIME_DIR'] = deep
    assert.equal(dirname(socketFolderPath(place)), deep)
  } finally {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR']
    else process.env['XDG_RUNTIME_DIR'] = before
  }
})
