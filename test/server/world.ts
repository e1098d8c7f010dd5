import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import type { CreateTokenRequest } from '../../src/auth/token-service.ts'
import { createServer, type Server, type ServerOptions } from '../../src/server/index.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { type Document, openDocument } from './document.ts'

/** An answer of the API, checked against the document it is described by. */
export interface Reply<T = Json> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

/** What JSON says; tests know what they asked for. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

/** What is sent beside method and path. */
export interface Sent {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A server over real parts, and what tests do with it: nothing but fetch. */
export interface World {
  readonly machine: Machine
  readonly server: Server
  readonly url: string
  /** May act for every tenant. */
  readonly operator: string
  readonly document: Document
  /** A tenant that has nothing yet, with a token that may do everything. */
  tenant(): Promise<Customer>
  send<T = Json>(method: string, path: string, sent?: Sent): Promise<Reply<T>>
  /** As if a token's time were over. */
  expire(tokenId: string): Promise<void>
}

/** A tenant and its token. */
export interface Customer {
  readonly id: string
  readonly token: string
  send<T = Json>(method: string, path: string, sent?: Sent): Promise<Reply<T>>
  /** Another token of it. */
  issue(request: CreateTokenRequest): Promise<{ id: string; secret: string }>
}

/** Starts it; everything is gone when the test is over. */
export async function startWorld(
  t: Pick<TestContext, 'after'>,
  options: ServerOptions = {},
  made?: Machine,
): Promise<World> {
  const machine = made ?? (await startMachine())
  if (!made) t.after(() => machine.dispose())
  const server = createServer(machine.slipway, { rateLimits: { read: 1e6, write: 1e6, failure: 1e6 }, ...options })
  t.after(() => server.close())
  const { url } = await server.listen()
  const operator = (await machine.slipway.issueOperatorToken('root')).secret
  const document = await openDocument(url)
  const send = async (method: string, path: string, { token, body, headers }: Sent = {}): Promise<Reply> => {
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await answer.text()
    const said: Json =
      text !== '' && /^application\/(?:problem\+)?json/.test(answer.headers.get('content-type') ?? '')
        ? JSON.parse(text)
        : text
    document.check(method, path, answer, said)
    return { status: answer.status, headers: answer.headers, body: said }
  }
  return {
    machine,
    server,
    url,
    operator,
    document,
    send,
    async expire(tokenId) {
      const database = new DatabaseSync(join(machine.dataDir, 'slipway.db'))
      database.prepare('update tokens set expires_at = 0 where id = ?').run(tokenId)
      database.close()
    },
    async tenant() {
      const tenant = machine.tenant()
      const { tokens } = machine.slipway.as({ tenantId: tenant.id, subject: 'owner' })
      const issue = async (request: CreateTokenRequest) => {
        const { token, secret } = await tokens.create(request)
        return { id: token.id, secret }
      }
      const { secret: token } = await issue({ name: 'ana', scopes: ['admin'] })
      return {
        id: tenant.id,
        token,
        issue,
        send: (method, path, sent = {}) => send(method, path, { token, ...sent }),
      }
    },
  }
}
