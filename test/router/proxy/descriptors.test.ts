import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { clientsFor, descriptorLimit } from '../../../src/router/proxy/descriptors.ts'
import { runningProcess } from '../../../src/router/proxy/find.ts'
import { mainFile } from '../../../src/router/proxy/launch.ts'
import { placeOf } from '../../../src/router/proxy/place.ts'
import { portAllocator } from '../../../src/router/proxy/ports.ts'
import { answers, ask, eventually, proxyWorld } from './world.ts'

const files = 160

test('with few open files allowed the proxy turns clients away, not tables, and has room again when they leave', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
  const front = await portAllocator([20_000, 29_999])(new Set())
  const command = `ulimit -n ${files}; exec "$0" "$@"`
  const args = [process.execPath, mainFile, '--state', placeOf(dataDir).state, '--front-port', String(front)]
  const child = spawn('sh', ['-c', command, ...args], { stdio: 'ignore', detached: true })
  const exit = once(child, 'exit')
  await eventually(() => runningProcess(placeOf(dataDir))?.pid === child.pid)
  const world = await proxyWorld({ dataDir })
  const sockets: Socket[] = []
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await world.dispose()
    await exit
    rmSync(dataDir, { recursive: true, force: true })
  })
  assert.equal(await world.router.pid(), child.pid)
  const release = Promise.withResolvers<void>()
  const slow = await world.replica('slow', (_req, res) => void release.promise.then(() => res.end('ok')))
  const quick = await world.replica('quick', (_req, res) => res.end('ok'))
  const { port } = await world.route({ one: { weight: 100, endpoints: [slow] } })
  const many = (to: number, text: string): { readonly answered: () => number; readonly refused: () => number } => {
    const seen = { answered: 0, refused: 0 }
    for (let i = 0; i < 200; i++) {
      const socket = connect(to, '127.0.0.1', () => void socket.write(text))
      sockets.push(socket)
      let heard = false
      socket.on('data', () => {
        if (!heard) seen.answered++
        heard = true
      })
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        if (!heard) seen.refused++
      })
    }
    return { answered: () => seen.answered, refused: () => seen.refused }
  }

  // More than there is room for, and none of them idle.
  const held = many(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const most = clientsFor(files, 2)
  await eventually(() => held.refused() >= 200 - most)
  assert.equal(held.answered(), 0)
  const table = { one: { weight: 100, endpoints: [quick] } }
  const added = await Promise.all(Array.from({ length: 5 }, async () => world.route(table)))
  assert.equal((await world.router.check()).ok, true)

  // Those that were let in are answered, and make room.
  release.resolve()
  await eventually(() => held.answered() >= most)
  for (const one of added) await answers(one.port, 'ok')

  // Idle connections are no reason to turn anybody away.
  for (const socket of sockets.splice(0)) socket.destroy()
  const idle = many(added[0]?.port ?? 0, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => idle.answered() + idle.refused() === 200)
  for (let i = 0; i < 20; i++) assert.equal((await ask({ port: added[1]?.port ?? 0 })).body, 'ok')
  assert.equal(await world.router.pid(), child.pid)
  assert.equal(child.exitCode, null)
})

test('ports are no reason to do without room for clients and tables', () => {
  assert.equal(clientsFor(1024, 3), 470)
  assert.equal(clientsFor(1024, 945), 0)
  assert.ok(descriptorLimit() > 0)
})
