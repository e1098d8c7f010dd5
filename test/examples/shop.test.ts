import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { buildShop } from '../../src/demo/shop/build.ts'
import type { ShopReleaseName } from '../../src/demo/shop/releases.ts'

let folder: string
let shop: Record<ShopReleaseName, string>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-shop-'))
  shop = await buildShop(folder)
})
after(() => rm(folder, { recursive: true }))

interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly output: () => string
  readonly ended: Promise<number | null>
}

/** Starts a release the way a provider does: the image's command, in its folder, with nothing in the environment but what it is given. */
async function start(t: TestContext, name: ShopReleaseName, env: Record<string, string> = {}): Promise<Running> {
  const image = JSON.parse(await readFile(join(shop[name], 'slipway.json'), 'utf8')) as { command: [string, string] }
  assert.equal(image.command[0], 'node')
  const child = spawn(process.execPath, image.command.slice(1), { cwd: shop[name], env: { PORT: '0', ...env } })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const listening = new Promise<string>(resolve => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const port = /listening on (\d+)/.exec(output)?.[1]
      if (port) resolve(`http://127.0.0.1:${port}`)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
  })
  const url = await Promise.race([listening, ended.then(() => '')])
  return { child, url, output: () => output, ended }
}

async function answer(url: string, agent?: Agent): Promise<{ response: IncomingMessage; body: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, agent ? { agent } : {}, resolve).on('error', reject)
  })
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { response, body }
}

describe('the shop', { concurrency: true }, () => {
  test('web answers with its version and with what the api says', async t => {
    const api = await start(t, 'api-2')
    const web = await start(t, 'web-3', { URL_API: api.url })
    const { response, body } = await answer(web.url)
    const { pid, ...rest } = JSON.parse(body) as Record<string, unknown>
    assert.equal(pid, web.child.pid)
    assert.deepEqual(rest, { service: 'web', version: '3', api: { service: 'api', version: '2', pid: api.child.pid } })
    assert.equal(response.headers['x-shop-version'], 'web-3')
    assert.equal(Number(response.headers['content-length']), body.length)
  })

  test('web says that its call to the api got no answer', async t => {
    const api = await start(t, 'api-1')
    const web = await start(t, 'web-1', { URL_API: api.url })
    assert.equal((await answer(web.url)).response.statusCode, 200)
    api.child.kill('SIGKILL')
    await api.ended
    const { response, body } = await answer(web.url)
    assert.equal(response.statusCode, 502)
    assert.equal(response.headers['x-shop-upstream'], 'lost')
    assert.match(body, /api: .*(ECONNREFUSED|ECONNRESET|socket hang up)/)
  })

  test('web says that its call to the api was answered with an error', async t => {
    const leaky = await start(t, 'web-leaky')
    const web = await start(t, 'web-1', { URL_API: leaky.url })
    for (let i = 0; i < 24; i++) assert.equal((await answer(web.url)).response.statusCode, 200)
    const { response, body } = await answer(web.url)
    assert.equal(response.statusCode, 502)
    assert.equal(response.headers['x-shop-upstream'], 'failed')
    assert.match(body, /api answered 500/)
  })

  test('a slow answer comes in parts through both services and is whole JSON at its end', async t => {
    const api = await start(t, 'api-1')
    const web = await start(t, 'web-1', { URL_API: api.url })
    const began = performance.now()
    const { body } = await answer(`${web.url}/slow?ms=200`)
    assert.ok(performance.now() - began > 150)
    assert.deepEqual(JSON.parse(body), {
      service: 'web',
      version: '1',
      api: { service: 'api', version: '1', ticks: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
    })
  })

  test('a slow answer is cut, not completed, when the api dies in the middle of it', async t => {
    const api = await start(t, 'api-1')
    const web = await start(t, 'web-1', { URL_API: api.url })
    const response = await new Promise<IncomingMessage>(resolve => get(`${web.url}/slow`, resolve))
    response.once('data', () => api.child.kill('SIGKILL'))
    await assert.rejects(async () => {
      for await (const chunk of response) void chunk // because only how it ends matters
    }, /aborted/)
  })

  test('the WebSocket echoes short, long and very long messages and says goodbye with 1001', async t => {
    const api = await start(t, 'api-1')
    const socket = new WebSocket(`${api.url}/ws`)
    await once(socket, 'open')
    for (const length of [5, 300, 70_000]) {
      socket.send('é'.repeat(length))
      const [data] = (await once(socket, 'message')) as [Buffer]
      assert.equal(data.toString(), 'é'.repeat(length))
    }
    socket.ping()
    await once(socket, 'pong')
    api.child.kill('SIGTERM')
    const [code] = (await once(socket, 'close')) as [number]
    assert.equal(code, 1001)
    assert.equal(await api.ended, 0)
  })

  test('SIGTERM lets a request in flight end, takes no new one, and exits 0', async t => {
    const api = await start(t, 'api-1')
    const agent = new Agent({ keepAlive: true })
    t.after(() => agent.destroy())
    await answer(api.url, agent)
    const response = await new Promise<IncomingMessage>(resolve => get(`${api.url}/slow?ms=300`, { agent }, resolve))
    api.child.kill('SIGTERM')
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += chunk
    assert.equal((JSON.parse(body) as { ticks: number[] }).ticks.length, 10)
    assert.equal(await api.ended, 0)
    await assert.rejects(answer(api.url), /ECONNREFUSED/)
  })

  test('api-broken exits with 1 and says that it has no database', async t => {
    const broken = await start(t, 'api-broken')
    assert.equal(await broken.ended, 1)
    assert.match(broken.output(), /^api: cannot read DATABASE_URL: it is not set$/m)
    const mended = await start(t, 'api-broken', { DATABASE_URL: 'postgres://db/shop' })
    assert.equal((await answer(mended.url)).response.statusCode, 200)
  })

  test('web-broken listens and never gets healthy', async t => {
    const broken = await start(t, 'web-broken')
    const { response, body } = await answer(`${broken.url}/healthz`)
    assert.equal(response.statusCode, 503)
    assert.match(body, /db pool exhausted/)
  })

  test('web-leaky is healthy and fails two requests in a hundred', async t => {
    const leaky = await start(t, 'web-leaky')
    const agent = new Agent({ keepAlive: true })
    t.after(() => agent.destroy())
    const statuses: (number | undefined)[] = []
    for (let i = 0; i < 100; i++) {
      assert.equal((await answer(`${leaky.url}/healthz`, agent)).response.statusCode, 200)
      const { response } = await answer(leaky.url, agent)
      assert.equal(response.headers['x-shop-version'], 'web-leaky')
      statuses.push(response.statusCode)
    }
    assert.equal(statuses.filter(status => status === 500).length, 2)
    assert.equal(statuses.indexOf(500), 24)
  })

  test('api-slow takes its time to listen and to answer', async t => {
    const began = performance.now()
    const slow = await start(t, 'api-slow')
    assert.ok(performance.now() - began >= 800)
    const asked = performance.now()
    await answer(slow.url)
    assert.ok(performance.now() - asked >= 99)
  })

  test('the worker works without a port, leaves a heartbeat and ends at SIGTERM', async t => {
    const data = await mkdtemp(join(folder, 'data-'))
    const api = await start(t, 'api-1')
    const child = spawn(process.execPath, ['server.mjs'], {
      cwd: shop['worker-2'],
      env: { URL_API: api.url, DATA: data },
    })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    const second = new Promise<void>(resolve => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('job 2')) resolve()
      })
    })
    await second
    child.kill('SIGTERM')
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0)
    assert.match(output, /^worker 2 job 1 done with api 1$/m)
    assert.deepEqual(await readdir(data), [`heartbeat-${child.pid}.json`])
    const beat = JSON.parse(await readFile(join(data, `heartbeat-${child.pid}.json`), 'utf8')) as Record<
      string,
      unknown
    >
    assert.equal(beat['version'], '2')
  })
})
