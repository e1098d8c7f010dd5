import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { createServer } from '../src/server/index.ts'
import { type Figure, rounded } from './figure.ts'
import { acmeOf, bringUp, openFleet } from './fleet.ts'
import { inTurns } from './proxy.ts'

/** Requests a second of one deployment, by those of a Hono route that answers the same bytes and does nothing else, in the same process. */
export async function benchReads(seconds: number): Promise<Figure> {
  await using cleanup = new AsyncDisposableStack()
  const slipway = await (await openFleet(cleanup)).open()
  const server = createServer(slipway, { rateLimits: { read: Number.MAX_SAFE_INTEGER } })
  cleanup.defer(() => server.close())
  const { url } = await server.listen()
  const acme = acmeOf(slipway)
  await bringUp(slipway, 1)
  const { secret } = await acme.tokens.create({ name: 'bench', scopes: ['read'] })
  const [deployment] = (await acme.findDeployments()).items
  const path = `/v1/deployments/${deployment?.id}`
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${secret}` } })
  const said = (await answer.json()) as object
  const answering = getRequestListener(new Hono().get('/v1/deployments/:id', c => c.json(said)).fetch)
  const bare = createHttp((request, response) => void answering(request, response))
  bare.listen(0, '127.0.0.1')
  await once(bare, 'listening')
  cleanup.defer(() => void bare.close())
  const bareUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}${path}`
  const { direct, through } = await inTurns(bareUrl, url + path, 16, seconds, 3, secret)
  return {
    figure: 'deployment_reads_ratio',
    value: rounded(through.perSecond / direct.perSecond, 3),
    bare: direct,
    slipway: through,
  }
}
