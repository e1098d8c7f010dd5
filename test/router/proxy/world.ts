import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
} from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProxyRouter, type ProxyRouterOptions, proxyRouter } from '../../../src/router/proxy/router.ts'
import { isRunning } from '../../../src/router/proxy/running.ts'
import type { Endpoint, RouteTable, ServiceRoute } from '../../../src/router/router.ts'
import { openFence } from '../../contract/router.ts'
import { lanePorts } from '../../support/ports.ts'

/** What a client got. */
export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
  readonly trailers: NodeJS.Dict<string>
}

/** What a client asks. Without an agent each request has a connection of its own. */
export interface Ask {
  readonly port: number
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
  readonly agent?: Agent
}

/** Sends one request to 127.0.0.1 and reads the whole answer; rejects when it breaks off. */
export async function ask({ port, method = 'GET', path = '/', headers = {}, body, agent }: Ask): Promise<Got> {
  const asking = request({ host: '127.0.0.1', port, method, path, headers, agent: agent ?? false }).end(body)
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk as string
  const { statusCode = 0, headers: got, rawHeaders, trailers } = answer
  return { status: statusCode, headers: got, rawHeaders, body: text, trailers }
}

/** What an operator would have been told. */
export interface Warning {
  readonly text: string
  readonly [field: string]: unknown
}

/** A proxy of its own, replicas to route to, and a way to route: all of it gone after `dispose`. */
export interface World {
  readonly dataDir: string
  router: ProxyRouter
  /** What the router logged. */
  readonly warnings: readonly Warning[]
  /** A real HTTP server as an endpoint. */
  replica(id: string, listener: RequestListener): Promise<Endpoint & { readonly server: Server }>
  /** An endpoint on a port where nobody listens. */
  nobody(id: string): Promise<Endpoint>
  /** Routes one service of a new instance. */
  route(revisions: ServiceRoute['revisions'], more?: Partial<ServiceRoute>): Promise<Routed>
  dispose(): Promise<void>
}

/** An instance with one service, `web`. */
export interface Routed {
  readonly instanceId: string
  readonly port: number
  /** Applies the next version. */
  change(revisions: ServiceRoute['revisions']): Promise<void>
  readonly table: RouteTable
}

/** How long calls may take in tests: a machine may be busy with many others. */
export const patienceMs = 50_000
const patience = { callTimeoutMs: patienceMs, changeTimeoutMs: patienceMs }

let instances = 0

/** Starts a proxy in a temporary folder. */
export async function proxyWorld(options: Partial<ProxyRouterOptions> = {}): Promise<World> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
  const warnings: Warning[] = []
  const log = { info: () => {}, warn: (data: object, text: string) => void warnings.push({ ...data, text }) }
  const servers: Server[] = []
  const world: World = {
    dataDir,
    warnings,
    router: await proxyRouter({ log, ...patience, portRange: lanePorts().routes, ...options, dataDir }),
    async replica(id, listener) {
      const server = createServer(listener).listen(0, '127.0.0.1')
      servers.push(server)
      await once(server, 'listening')
      return { replica: id, address: { host: '127.0.0.1', port: portOf(server) }, state: 'serving', server }
    },
    async nobody(id) {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const port = portOf(server)
      await new Promise(resolve => server.close(resolve))
      return { replica: id, address: { host: '127.0.0.1', port }, state: 'serving' }
    },
    async route(revisions, more = {}) {
      const instanceId = `inst_${process.pid}_${instances++}`
      const port = await world.router.allocatePort(new Set())
      const apply = async (version: number, next: ServiceRoute['revisions']): Promise<RouteTable> => {
        const services = { web: { port, hosts: [], ...more, revisions: plain(next) } }
        const table = { storeId: 'store', instanceId, epoch: 1, version, services }
        await world.router.apply(table, openFence('store', instanceId, 1))
        return table
      }
      const routed = {
        instanceId,
        port,
        table: await apply(1, revisions),
        change: async (next: ServiceRoute['revisions']) => {
          routed.table = await apply(routed.table.version + 1, next)
        },
      }
      return routed
    },
    async dispose() {
      await world.router.shutdown()
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  return world
}

/** Endpoints as a table has them, whatever else the test keeps beside. */
function plain(revisions: ServiceRoute['revisions']): ServiceRoute['revisions'] {
  return Object.fromEntries(
    Object.entries(revisions).map(([revision, { weight, endpoints }]) => [
      revision,
      { weight, endpoints: endpoints.map(({ replica, address, state }) => ({ replica, address, state })) },
    ]),
  )
}

export function portOf(server: Server | NetServer): number {
  return (server.address() as AddressInfo).port
}

/** Clients that ask without a pause, and what they saw. */
export interface Load {
  readonly sent: number
  /** Everything that was not a whole answer with the body `ok`. */
  readonly wrong: readonly unknown[]
  stop(): Promise<void>
}

/** Starts so many clients; each asks what `next` says, given its number and that of the request. */
export function constantLoad(clients: number, next: (client: number, request: number) => Ask): Load {
  const load = { sent: 0, wrong: [] as unknown[], stopping: false }
  const all = Array.from({ length: clients }, async (_, client) => {
    while (!load.stopping) {
      const got = await ask(next(client, load.sent++)).catch((error: unknown) => error)
      if (!(got instanceof Object && 'body' in got && got.body === 'ok')) load.wrong.push(got)
    }
  })
  return Object.assign(load, {
    stop: async () => {
      load.stopping = true
      await Promise.all(all)
    },
  })
}

/** The endpoints, draining. */
export function draining(...endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.map(endpoint => ({ ...endpoint, state: 'draining' }))
}

/** Clients that keep their connections. */
export function keptAgent(maxSockets = 20): Agent {
  return new Agent({ keepAlive: true, maxSockets })
}

/** Resolves when it is so; fails after 20 s, ten times what any of this may take. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (
    const until = performance.now() + 20_000;
    !(await holds());
    await new Promise(resolve => setTimeout(resolve, 5))
  ) {
    if (performance.now() > until) throw new Error(`It does not come to that: ${holds.toString()}`)
  }
}

/** Resolves with how long it took until the body came, ms; fails after 20 s. */
export async function answers(port: number, body: string, headers: Ask['headers'] = {}): Promise<number> {
  const from = performance.now()
  for (;;) {
    const got = await ask({ port, headers }).catch((error: unknown) => error)
    if (got instanceof Object && 'body' in got && got.body === body) return performance.now() - from
    if (performance.now() - from > 20_000) throw new Error(`No "${body}" on port ${port}`, { cause: got })
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Resolves when the process is gone. */
export async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise(resolve => setImmediate(resolve))
}
