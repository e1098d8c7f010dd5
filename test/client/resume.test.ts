import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, type Event, type WatchReset } from '../../src/client/index.ts'
import { seededRandom } from '../../src/provider/fake/random.ts'
import { startDoomed } from '../server/doomed.ts'
import { startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'
import { startCuttingProxy } from './cutting-proxy.ts'

test('a server killed with -9 in the middle of a canary and started again: who watches, also through a proxy that cuts connections at any byte, sees each event once and the end', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const { acting, ...tenant } = machine.tenant()
  const { secret: token } = await acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
  const shop = await tenant.up([web(await machine.server('1'))])
  const image = await machine.server('2')
  await machine.reopen(async () => {
    const first = await startDoomed(t, machine)
    const random = seededRandom(7)
    // Every third lets a whole answer through: one that is read again from its start never ends otherwise.
    const bytesOf = (connection: number): number => (connection % 3 === 2 ? 10_000 : 300) + Math.floor(random() * 2000)
    const proxy = await startCuttingProxy(t, first.url, bytesOf)
    const client = createClient({ url: first.url, token, backoffMs: 50 })
    const cut = createClient({ url: proxy.url, token, backoffMs: 20, retries: 50 })
    const asked = await client.deployments.create(shop.id, {
      services: [{ name: 'web', image }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, holdSeconds: 1 }], keepWarmSeconds: 0 },
    })
    const holding = Promise.withResolvers<void>()
    const watch = async (by: typeof client): Promise<(Event | WatchReset)[]> => {
      const heard: (Event | WatchReset)[] = []
      for await (const event of by.deployments.watch(asked, { signal: AbortSignal.timeout(120_000) })) {
        heard.push(event)
        if (event.type !== 'reset' && event.data?.['kind'] === 'hold') holding.resolve()
      }
      return heard
    }
    const watched = Promise.all([watch(client), watch(cut)])
    await Promise.race([holding.promise, watched])
    await first.end('SIGKILL')
    const second = await startDoomed(t, machine, new URL(first.url).port)
    const [straight, cutOften] = await watched
    const { items } = await client.events.page({ deployment_id: asked.id, after: asked.last_event_id, limit: 200 })
    const story = items.slice(0, items.findIndex(({ type }) => type === 'deploy.succeeded') + 1)
    assert.ok(story.length > 5, JSON.stringify(items))
    assert.deepEqual(straight, story)
    assert.deepEqual(cutOften, story)
    assert.ok(proxy.cuts() > 2, `${proxy.cuts()} cuts`)
    await second.end('SIGKILL')
  })
  assert.equal((await tenant.ask()).told().version, '2')
})
