import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { localAuth } from '../../src/auth/local.ts'
import { eventBus } from '../../src/event/bus.ts'
import type { EventType } from '../../src/event/event.ts'
import type { Delivery } from '../../src/event/webhook.ts'
import { type Deliverer, type DelivererParts, startDeliverer } from '../../src/event/webhook-deliverer.ts'
import type { CreateWebhookRequest } from '../../src/event/webhook-schema.ts'
import { webhookService } from '../../src/event/webhook-service.ts'
import { targets } from '../../src/event/webhook-target.ts'
import { fakeClock } from '../../src/provider/fake/clock.ts'
import { envelopeVault } from '../../src/secrets/envelope-vault.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { until } from '../support/until.ts'

/** A log, webhooks and a deliverer on a real store in memory, whose time is moved by hand; only what is sent is real. */
export async function aWebhookWorld(t: TestContext, more: Partial<DelivererParts> = {}) {
  const clock = fakeClock({ startsAt: Date.now() })
  const store = await sqliteStore({ path: ':memory:', clock })
  const bus = eventBus({ events: store.events, clock, pollMs: 1e9 })
  const vault = envelopeVault({ store: store.secrets, masterKey: randomBytes(32), clock })
  const allowed = targets({ allowAddresses: ['127.0.0.1'], allowHttp: true })
  const warnings: string[] = []
  const log = { info: () => {}, warn: (_: object, text: string) => void warnings.push(text) }
  const parts = { store, bus, vault, clock, targets: allowed, log, random: () => 0.5, ...more }
  const service = (tenantId: string) =>
    webhookService(
      { auth: localAuth(), store, vault, bus, clock, targets: parts.targets },
      { tenantId, subject: 'ana', scopes: ['read', 'deploy', 'admin'] },
    )
  const hooks = service('acme')
  let deliverer: Deliverer = startDeliverer(parts)
  t.after(async () => {
    await deliverer.stop()
    await bus.close()
    await store.close()
  })

  const world = {
    clock,
    store,
    bus,
    vault,
    hooks,
    warnings,
    service,
    /** Makes one of tenant acme. */
    async hook(url: string, more: Partial<CreateWebhookRequest> = {}) {
      const { webhook, secret } = await hooks.create({ url, ...more })
      return { id: webhook.id, secret }
    },
    /** Something happens to an instance, once for each type; resolves with the ids of the events. */
    async happen(instanceId: string | undefined, ...types: EventType[]): Promise<string[]> {
      const ids: string[] = []
      for (const type of types) {
        const instance = instanceId === undefined ? {} : { instanceId }
        ids.push((await bus.publish({ type, tenantId: 'acme', ...instance })).id)
      }
      return ids
    },
    /** All deliveries, oldest first. */
    async deliveries(id: string): Promise<Delivery[]> {
      return (await hooks.deliveries(id, { limit: 200 })).items.toReversed()
    },
    /** Waits until the deliveries are as wanted. */
    reach: (id: string, is: (deliveries: Delivery[]) => boolean) =>
      until('deliveries as wanted', async () => {
        const now = await world.deliveries(id)
        return is(now) && now
      }),
    /** Waits until all have ended in these states, oldest first. */
    states: (id: string, ...states: Delivery['state'][]) =>
      world.reach(id, all => all.length === states.length && all.every(({ state }, n) => state === states[n])),
    /** Waits for the first one's next try, and moves time on to it. */
    async toNextTry(id: string, attemptCount: number): Promise<number> {
      const [first] = await world.reach(id, ([one]) => one?.attemptCount === attemptCount && one.nextAt !== undefined)
      const waitMs = Date.parse(first?.nextAt ?? '') - clock.now()
      await clock.advance(waitMs)
      return waitMs
    },
    async restart(): Promise<void> {
      await deliverer.stop()
      deliverer = startDeliverer(parts)
    },
    stop: () => deliverer.stop(),
  }
  return world
}
