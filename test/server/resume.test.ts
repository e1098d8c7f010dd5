import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createServer } from '../../src/server/index.ts'
import { startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'
import { startDoomed } from './doomed.ts'
import { type Listener, listenTo, type Message } from './listener.ts'
import type { Json } from './world.ts'

test('a server killed with -9 in the middle of a canary: the deployment ends, and who listens misses nothing and is told nothing twice', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const { acting, ...tenant } = machine.tenant()
  const { secret } = await acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
  const shop = await tenant.up([web(await machine.server('1'))])
  const image = await machine.server('2')
  const authorization = `Bearer ${secret}`
  let asked: Json
  let before: Message[] = []
  await machine.reopen(async () => {
    const doomed = await startDoomed(t, machine)
    const answer = await fetch(`${doomed.url}/v1/instances/${shop.id}/deployments`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        services: [{ name: 'web', image }],
        strategy: 'canary',
        options: { steps: [{ weight: 50, holdSeconds: 1 }], keepWarmSeconds: 0 },
      }),
    })
    asked = await answer.json()
    const listener = await listenTo(doomed.url + asked.links.events, { authorization })
    before = await listener.until(({ data }) => data.data?.kind === 'hold')
    await doomed.end('SIGKILL')
    before.push(...(await restOf(listener)))
  })

  const server = createServer(machine.slipway)
  t.after(() => server.close())
  const { url } = await server.listen()
  const again = await listenTo(`${url}/v1/events/stream?deployment_id=${asked.id}`, {
    authorization,
    'last-event-id': before.at(-1)?.id ?? '',
  })
  const after = await again.until(({ data }) => data.type === 'deploy.succeeded')
  again.cut()
  const log = await fetch(`${url}/v1/events?deployment_id=${asked.id}&limit=200`, { headers: { authorization } })
  const { items } = (await log.json()) as Json
  const heard = [...before, ...after].map(({ data }) => data)
  assert.deepEqual(heard, items.slice(0, heard.length))
  assert.equal((await tenant.ask()).told().version, '2')
})

/** What was still on its way when the connection was cut. */
async function restOf(listener: Listener): Promise<Message[]> {
  const rest: Message[] = []
  try {
    for (let message = await listener.next(); message; message = await listener.next()) rest.push(message)
  } catch (error) {
    void error // because a cut connection is what we made
  }
  return rest
}
