import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { fetchByHttp } from '../../src/cli/fetch.ts'
import { root } from '../docs/markdown.ts'

describe('the fetch of the command line', () => {
  test('sends what it is given, and gives status, headers and text', async t => {
    const url = await serve(t, (request, response) => {
      response.writeHead(409, { ETag: '"7"' }).write(`${request.method} ${request.headers['if-match']} `)
      request.pipe(response)
    })
    const answer = await fetchByHttp(url, { method: 'PATCH', headers: { 'If-Match': '"6"' }, body: 'größer' })
    assert.deepEqual(
      [answer.status, answer.ok, answer.headers.get('ETag'), answer.headers.get('retry-after')],
      [409, false, '"7"', null],
    )
    assert.equal(await answer.text(), 'PATCH "6" größer')
  })

  test('follows no redirect: the token stays where it was sent', async t => {
    const asked: string[] = []
    const url = await serve(t, (request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(307, { Location: '/elsewhere' }).end()
    })
    await assert.rejects(fetchByHttp(url, {}), /leads elsewhere, to \/elsewhere/)
    assert.deepEqual(asked, ['/'])
  })

  test('ends where the signal ends it: before there is an answer, and in the middle of one', async t => {
    const url = await serve(t, (request, response) => {
      if (request.url === '/some') response.write('some')
    })
    const before = new AbortController()
    const waiting = fetchByHttp(url, { signal: before.signal })
    before.abort()
    await assert.rejects(waiting, { name: 'AbortError' })

    const middle = new AbortController()
    const { body } = await fetchByHttp(`${url}some`, { signal: middle.signal })
    const reader = body?.getReader()
    assert.equal(new TextDecoder().decode((await reader?.read())?.value), 'some')
    const next = reader?.read()
    middle.abort()
    await assert.rejects(async () => await next)
  })

  test('keeps a short command from loading the one of the platform', async t => {
    const url = await serve(t, (_, response) => response.end('{"items":[],"total":0}'))
    const told = `process.on('exit', () => console.error(process.moduleLoadList.filter(name => /undici/.test(name)).join()))`
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', `data:text/javascript,${told}`, join(root, 'bin/slipway.js'), 'ps', '--json', '--tenant', 'acme'],
      { env: { PATH: process.env['PATH'], SLIPWAY_URL: url, SLIPWAY_TOKEN: 'any' }, timeout: 60_000 },
    )
    assert.deepEqual([stdout, stderr], ['[]\n', '\n'])
  })
})

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
