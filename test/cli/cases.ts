import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { type Calling, masked, startUser, type User } from './world.ts'

/** One way a command can go, or why there is no such way for it. */
export type Case = Way | { readonly none: string }

/** One that there is. */
export type Way = (t: TestContext) => Promise<void>

/** The five ways that every command is tested in. */
export interface Cases {
  /** It does what it is for. */
  readonly happy: Case
  /** There is nothing, or nothing to do. */
  readonly empty: Case
  /** The server, or the command itself, says no. */
  readonly refused: Case
  /** The server can't be reached, or breaks. */
  readonly failed: Case
  /** Ctrl-C while it waits. */
  readonly interrupted: Case
}

/** Tests of one command, by its words: `cases('tokens list', { … })`. `test/cli/table.test.ts` looks for each command by this line. */
export function cases(command: string, ways: Cases): void {
  describe(`slipway ${command}`, () => {
    for (const [way, one] of Object.entries(ways) as [keyof Cases, Case][]) {
      if (typeof one === 'function') test(`${way}: ${meanings[way]}`, one)
    }
  })
}

const meanings: Readonly<Record<keyof Cases, string>> = {
  happy: 'does what it is for',
  empty: 'says what to do when there is nothing',
  refused: 'tells why it is not done',
  failed: 'tells that the server is not there',
  interrupted: 'says what became of it, and ends with 130',
}

/** A server that is there and answers nothing: it hangs up at once, or holds on for ever. */
export interface Mute {
  readonly url: string
  /** Resolves when the first request has come. */
  readonly asked: Promise<void>
}

/** Starts one; it is gone when the test is over. */
export async function startMute(t: Pick<TestContext, 'after'>, how: 'hangs up' | 'holds on'): Promise<Mute> {
  const sockets = new Set<Socket>()
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', error => void error) // because whoever asked may be gone already
    socket.once('data', () => {
      resolve()
      if (how === 'hangs up') socket.destroy()
    })
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It listens on a port.')
  return { url: `http://127.0.0.1:${address.port}`, asked }
}

/** A user of a server that hangs up on every request, which is asked once and not again. */
export async function startFailingUser(t: Pick<TestContext, 'after'>): Promise<User> {
  const { url } = await startMute(t, 'hangs up')
  const user = await startUser(t, { url, token: 'slip_any' })
  return {
    ...user,
    call: (argv, calling = {}) => user.call(argv, { ...calling, env: { SLIPWAY_RETRIES: '0', ...calling.env } }),
  }
}

/** Calls a command of a server that never answers, and presses Ctrl-C once it is asked. */
export async function interrupted(
  t: Pick<TestContext, 'after'>,
  argv: string | readonly string[],
  calling: Parameters<User['call']>[1] = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const mute = await startMute(t, 'holds on')
  const user = await startUser(t, { url: mute.url, token: 'slip_any' })
  const called = user.call(argv, calling)
  await Promise.race([mute.asked, called])
  called.interrupt()
  return await called
}

/** The case of a server that hangs up on this request: `GET /v1/tokens`. Ids in it are masked. */
export function failsAt(line: string, request: string, calling: Calling = {}): Way {
  return async t => {
    const user = await startFailingUser(t)
    const { code, out, err } = await user.call(line, calling)
    const [method, path] = request.split(' ')
    assert.deepEqual(
      { code, out, err: masked(err) },
      {
        code: 1,
        out: '',
        err: `✖ ${method} http://127.0.0.1:PORT${path} had no answer: socket hang up.\n  Is the server up?  slipway doctor\n  Start one here:    slipway up\n  (connection_unreachable)\n`,
      },
    )
  }
}

/** The case of a Ctrl-C before the first answer: nothing was changed, or with a `look` it may have been. */
export function stopsAt(line: string, look?: string, calling: Calling = {}): Way {
  return async t => {
    assert.deepEqual(await interrupted(t, line, calling), {
      code: 130,
      out: '',
      err:
        look === undefined
          ? '✖ Interrupted: nothing was changed.\n  (interrupted)\n'
          : `✖ Interrupted before the answer came: it may have been done all the same.\n  ${look}\n  (interrupted)\n`,
    })
  }
}

/**
 * Ctrl-C once the change itself was asked for, by somebody of a real server that answers questions and no more: nobody knows whether it
 * was done, and that is said.
 */
export async function stopsAtChange(
  t: Pick<TestContext, 'after'>,
  user: User,
  line: string,
  look: string,
  calling: Calling = {},
): Promise<void> {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const server = createHttpServer((request, response) => {
    if (request.method !== 'GET') return resolve()
    const headers = { authorization: request.headers.authorization ?? '' }
    fetch(`${user.env['SLIPWAY_URL']}${request.url}`, { headers }).then(
      async answer => {
        const etag = answer.headers.get('etag')
        const type = answer.headers.get('content-type') ?? ''
        response.writeHead(answer.status, { 'content-type': type, ...(etag === null ? {} : { etag }) })
        response.end(await answer.text())
      },
      () => response.destroy(),
    )
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It listens on a port.')
  const env = { ...calling.env, SLIPWAY_URL: `http://127.0.0.1:${address.port}` }
  const called = user.call(line, { ...calling, env })
  await Promise.race([asked, called])
  called.interrupt()
  assert.deepEqual(await called, {
    code: 130,
    out: '',
    err: `✖ Interrupted before the answer came: it may have been done all the same.\n  ${look}\n  (interrupted)\n`,
  })
}
