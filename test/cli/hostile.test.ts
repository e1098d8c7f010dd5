import assert from 'node:assert/strict'
import { symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { startUser } from './world.ts'

const tricks = '\u001b[31mred\u001b[0m \u009b2J \u202Egnp.exe \rover'
const task = 'task_01jd4m2k8h4q7v9x0c3n5r6t8w'

/** A server that answers as it is told, and breaks off where it is told nothing. */
async function startServer(
  t: TestContext,
  answer: (path: string) => { status: number; body: object; type?: string } | 'hang up' | 'hold on',
): Promise<{ readonly url: string }> {
  const server = createServer(({ url = '/', socket }, response) => {
    const said = answer(url)
    if (said === 'hang up') return void socket.destroy()
    if (said === 'hold on') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      return
    }
    response
      .writeHead(said.status, { 'content-type': said.type ?? 'application/problem+json' })
      .end(JSON.stringify(said.body))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It listens on a port.')
  return { url: `http://127.0.0.1:${address.port}` }
}

describe('what others wrote', () => {
  test('does nothing to the terminal when an error tells it', async t => {
    const body = {
      status: 409,
      code: 'conflict',
      detail: `There is ${tricks}.`,
      errors: [{ pointer: '/name', detail: tricks }],
      try: [{ label: tricks }],
    }
    const { url } = await startServer(t, () => ({ status: 409, body }))
    const user = await startUser(t, { url, token: 'slip_any' })
    const { code, out, err } = await user.call('tokens list', { env: { SLIPWAY_RETRIES: '0' } })
    assert.deepEqual([code, out], [6, ''])
    assert.equal(
      err,
      `✖ There is red   gnp.exe  over.\n  /name: red   gnp.exe  over\n  red   gnp.exe  over\n  (conflict)\n`,
    )
  })

  test('nor when it is a word of the command line', async t => {
    const user = await startUser(t)
    const { code, err } = await user.call(['context', 'use', `near\u009b2J\u202E`])
    assert.equal(code, 5)
    assert.match(err, /^✖ There is no context "near *"\.\n/)
  })
})

test('a task that can neither be stopped nor asked about is told of once, as what went wrong', async t => {
  const { promise: followed, resolve } = Promise.withResolvers<void>()
  const { url } = await startServer(t, path => {
    if (!path.includes('/logs')) return 'hang up'
    resolve()
    return 'hold on'
  })
  const user = await startUser(t, { url, token: 'slip_any' })
  const call = user.call(`tasks watch ${task} --cancel-on-interrupt`, { env: { SLIPWAY_RETRIES: '0' } })
  await followed
  call.interrupt()
  const { code, out, err } = await call
  assert.deepEqual([code, out], [1, ''])
  assert.equal(
    err.replaceAll(url, 'URL'),
    `Stopping ${task}. Ctrl-C again does not wait for it.
✖ POST URL/v1/tasks/${task}/cancel had no answer: socket hang up.
  Is the server up?  slipway doctor
  Start one here:    slipway up
  (connection_unreachable)
`,
  )
})

test('contexts that cannot be kept are told of as such', async t => {
  const user = await startUser(t)
  // Where the folder would be made there is a link to nowhere.
  await symlink(join(user.home, 'nowhere'), join(user.home, 'config'))
  const file = join(user.home, 'config', 'config.json')
  const { url } = await startServer(t, () => ({
    status: 200,
    type: 'application/json',
    body: { subject: 'ana', tenant_id: 'acme', scopes: ['read'] },
  }))
  const { code, err } = await user.call(['login', '--url', url, '--token-stdin'], {
    stdin: 'slip_any',
    env: { SLIPWAY_CONFIG: file },
  })
  assert.equal(code, 1)
  assert.match(
    err,
    /^✖ \S+config\.json can't be written: .*\n {2}Look at whose it is, .*\n {2}\(config_unwritable\)\n$/,
  )
})
