import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { Pool } from 'undici'
import type { Slipway } from '../src/index.ts'
import { createServer } from '../src/server/index.ts'
import { type Figure, median, percentile, rounded } from './figure.ts'
import { acmeOf, allSucceed, bringUp, openFleet, webOf } from './fleet.ts'

const connections = 16
/** So many read one after the other while deployments run. */
const readers = 4
const rounds = 3

/** How many deploys a second the API takes, by the requests of a bare Hono route; and how long reads wait while deployments run. */
export async function benchApi(deploys: number, running: number): Promise<Figure[]> {
  await using cleanup = new AsyncDisposableStack()
  const slipway = await (await openFleet(cleanup)).open()
  const server = createServer(slipway, {
    rateLimits: { read: Number.MAX_SAFE_INTEGER, write: Number.MAX_SAFE_INTEGER },
  })
  cleanup.defer(() => server.close())
  const { url } = await server.listen()
  const { secret } = await acmeOf(slipway).tokens.create({ name: 'bench', scopes: ['deploy'] })
  const pool = new Pool(url, { connections })
  cleanup.defer(() => pool.close())
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  const ids = await bringUp(slipway, Math.max(deploys, running))
  return [
    await asked(slipway, pool, headers, ids.slice(0, deploys), cleanup),
    await waited(slipway, pool, headers, ids.slice(0, running)),
  ]
}

type Headers = Readonly<Record<string, string>>

/** Deploys that are asked for, one of each instance, by requests to a route that answers the same bytes; in turns. */
async function asked(
  slipway: Slipway,
  pool: Pool,
  headers: Headers,
  ids: readonly string[],
  cleanup: AsyncDisposableStack,
): Promise<Figure> {
  let answer: object = {}
  const listener = getRequestListener(
    new Hono().post('/v1/instances/:id/deployments', async c => {
      await c.req.json()
      return c.json(answer, 202)
    }).fetch,
    { overrideGlobalObjects: false },
  )
  const bare = createHttp((request, response) => void listener(request, response)).listen(0, '127.0.0.1')
  await once(bare, 'listening')
  const barePool = new Pool(`http://127.0.0.1:${(bare.address() as AddressInfo).port}`, { connections })
  cleanup.defer(async () => {
    await barePool.close()
    bare.close()
  })
  const post = async (to: Pool, id: string, release: number): Promise<{ id: string }> => {
    const body = JSON.stringify({ services: [{ name: 'web', image: webOf(release).image }], strategy: 'blue-green' })
    const path = `/v1/instances/${id}/deployments`
    const { statusCode, body: said } = await to.request({ method: 'POST', path, headers, body })
    const told = (await said.json()) as { id: string }
    if (statusCode !== 202) throw new Error(`A deploy was answered ${statusCode}: ${JSON.stringify(told)}`)
    answer = told
    return told
  }
  const perSecond: { bare: number[]; slipway: number[] } = { bare: [], slipway: [] }
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    let answered = 0
    // They are carried out meanwhile, as they would be: the requests share the process with what they ask for.
    await allSucceed(slipway, ids.length, async index => {
      const made = await post(pool, ids[index] ?? '', round + 2)
      if (++answered === ids.length) perSecond.slipway.push((1000 * ids.length) / (performance.now() - began))
      return made
    })
    const bareBegan = performance.now()
    await Promise.all(ids.map(id => post(barePool, id, round + 2)))
    perSecond.bare.push((1000 * ids.length) / (performance.now() - bareBegan))
  }
  return {
    figure: 'deploy_requests_ratio',
    value: rounded(median(perSecond.slipway) / median(perSecond.bare), 3),
    bare_per_second: rounded(median(perSecond.bare), 0),
    deploys_per_second: rounded(median(perSecond.slipway), 0),
    deploys: ids.length,
    rounds,
  }
}

/** How long reads of one deployment take from when so many are asked for until all have succeeded. */
async function waited(slipway: Slipway, pool: Pool, headers: Headers, ids: readonly string[]): Promise<Figure> {
  const acme = acmeOf(slipway)
  const [one] = (await acme.findDeployments()).items
  const path = `/v1/deployments/${one?.id}`
  const tookMs: number[] = []
  const work = { isOver: false }
  const read = async (): Promise<void> => {
    do {
      const began = performance.now()
      const { statusCode, body } = await pool.request({ method: 'GET', path, headers })
      await body.dump()
      if (statusCode !== 200) throw new Error(`A read was answered ${statusCode}`)
      tookMs.push(performance.now() - began)
    } while (!work.isOver)
  }
  const reading = Promise.all(Array.from({ length: readers }, read))
  await allSucceed(slipway, ids.length, index =>
    acme.deploy({ instanceId: ids[index] ?? '', services: [webOf(90)], strategy: 'blue-green' }),
  )
  work.isOver = true
  await reading
  return {
    figure: 'api_p99_while_deploying_ms',
    value: rounded(percentile(tookMs, 0.99), 1),
    p50_ms: rounded(median(tookMs), 1),
    highest_ms: rounded(Math.max(...tookMs), 1),
    reads: tookMs.length,
    running: ids.length,
  }
}
