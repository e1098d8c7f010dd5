import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { Webhook as Verifier } from 'standardwebhooks'
import { until } from '../support/until.ts'

/** A request as it came in. */
export interface Received {
  /** What it says as `webhook-id`. */
  readonly id: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** What the body says. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly event: any
}

/** How a request is answered: with a status, or by whatever is done with the response. */
export type Manner = number | ((response: ServerResponse) => void)

/** A real receiver, which behaves as it is told. */
export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** How it answers from now on. At first: 200. */
  behave(manner: (received: Received) => Manner): void
  /** Resolves with all requests when there are so many. */
  count(atLeast: number): Promise<readonly Received[]>
  /** How many connections were made to it. */
  readonly connected: number
  /** How many of those whose answer it kept back were cut by the other side. */
  readonly cut: number
}

/** Never answers. */
export const hangs: Manner = () => {}

/** Listens on a loopback address. */
export async function aReceiver(t: Pick<TestContext, 'after'>, host = '127.0.0.1', port = 0): Promise<Receiver> {
  const received: Received[] = []
  let connected = 0
  let cut = 0
  let mannerOf: (received: Received) => Manner = () => 200
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const { headers } = request
      const one = { id: String(headers['webhook-id']), headers, body, event: JSON.parse(body) as unknown }
      received.push(one)
      response.on('close', () => (cut += response.writableEnded ? 0 : 1))
      const manner = mannerOf(one)
      if (typeof manner === 'number') response.writeHead(manner).end()
      else manner(response)
    })
  })
  server.on('connection', () => connected++)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  t.after(async () => {
    const closed = new Promise(resolve => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  const address = server.address() as AddressInfo
  return {
    url: `http://${host}:${address.port}/hook`,
    port: address.port,
    received,
    behave(manner) {
      mannerOf = manner
    },
    count: atLeast => until(`${atLeast} requests`, () => received.length >= atLeast && received),
    get connected() {
      return connected
    },
    get cut() {
      return cut
    },
  }
}

/** What the library makes of a request: what it says, or it throws. */
export function verified(secret: string, { headers, body }: Received): unknown {
  return new Verifier(secret).verify(body, headers as Record<string, string>)
}
