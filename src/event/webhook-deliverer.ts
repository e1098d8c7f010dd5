import type { Clock } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import { messageOf } from '../errors.ts'
import type { Vault } from '../secrets/vault.ts'
import type { EventBus, Subscription } from './bus.ts'
import type { Event, EventType } from './event.ts'
import { type Resolve, webhookAgent } from './webhook-agent.ts'
import { feed } from './webhook-feed.ts'
import { answerMask } from './webhook-mask.ts'
import { WebhookSender } from './webhook-sender.ts'
import type { Targets } from './webhook-target.ts'

/** What a deliverer works with. */
export interface DelivererParts {
  readonly store: Store
  readonly bus: EventBus
  readonly vault: Vault
  readonly clock: Clock
  readonly targets: Targets
  readonly log: { info(data: object, text: string): void; warn(data: object, text: string): void }
  /** From 0 to 1. Default: by chance. */
  readonly random?: () => number
  /** Default: asks the name servers. */
  readonly resolve?: Resolve
  readonly timeoutMs?: number
}

/** Sends events to webhooks. */
export interface Deliverer {
  /** Cuts what is under way: it is sent again by the next deliverer. */
  stop(): Promise<void>
}

/** How long a receiver may take for all of its answer, milliseconds. */
export const receiverTimeoutMs = 15_000
const retryMs = 1000

/**
 * Starts a deliverer, which takes up what the last one left. Each enabled webhook has a feed that turns events into deliveries; one sender
 * for all of them sends what is due. Everything that has to survive is in the store.
 */
export function startDeliverer(parts: DelivererParts): Deliverer {
  const { store, bus, vault, clock, log } = parts
  const stopped = new AbortController()
  const agent = webhookAgent(parts.targets, parts.resolve)
  const sender = new WebhookSender({
    store,
    bus,
    vault,
    clock,
    log,
    dispatcher: agent,
    mask: answerMask(vault),
    random: parts.random ?? Math.random,
    timeoutMs: parts.timeoutMs ?? receiverTimeoutMs,
  })
  const feeds = new Map<string, { readonly end: AbortController; readonly done: Promise<void> }>()
  const turns = new Map<string, Promise<void>>()

  /** One at a time for each webhook: begins its feed anew, as it is now. */
  function refresh(id: string): Promise<void> {
    const turn = (turns.get(id) ?? Promise.resolve()).then(() => begin(id))
    turns.set(id, turn)
    void turn.finally(() => turns.get(id) === turn && turns.delete(id))
    return turn
  }

  async function begin(id: string): Promise<void> {
    const before = feeds.get(id)
    before?.end.abort()
    await before?.done
    feeds.delete(id)
    if (stopped.signal.aborted) return
    const fed = await untilItWorks(() => store.webhooks.enabled(id))
    if (!fed) return sender.drop(id)
    const end = new AbortController()
    feeds.set(id, { end, done: feedOn(id, end) })
    sender.want(id)
  }

  async function feedOn(id: string, end: AbortController): Promise<void> {
    const signal = AbortSignal.any([end.signal, stopped.signal])
    while (!signal.aborted) {
      try {
        const fed = await store.webhooks.enabled(id)
        if (!fed) return
        await feed(
          {
            store,
            bus,
            clock,
            onAdded: () => sender.want(id),
            onMissed: gap => log.warn({ webhook: id, ...gap }, 'the log was pruned before a webhook was told of it'),
          },
          fed,
          signal,
        )
      } catch (error) {
        if (signal.aborted) return
        log.warn({ webhook: id, error: messageOf(error) }, 'events could not be made ready for a webhook; tried again')
        await clock.sleep(retryMs, signal).catch((aborted: unknown) => void aborted) // because the loop asks the signal
      }
    }
  }

  async function untilItWorks<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    while (!stopped.signal.aborted) {
      try {
        return await attempt()
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'webhooks could not be read; tried again')
        await clock.sleep(retryMs, stopped.signal).catch((aborted: unknown) => void aborted) // as above
      }
    }
    return undefined
  }

  const began = begun()
  let changes: Subscription | undefined

  async function begun(): Promise<void> {
    const place = await untilItWorks(() => store.events.lastSeq())
    if (place === undefined) return
    // Whatever changes after this place is heard; whatever did before is read.
    changes = bus.subscribe(changing, heard, { after: place })
    const ids = (await untilItWorks(() => store.webhooks.allEnabled())) ?? []
    await Promise.all(ids.map(refresh))
    sender.look()
  }

  function heard({ data }: Event): void {
    const id = data?.['webhookId']
    if (typeof id === 'string') void refresh(id)
  }

  return {
    async stop() {
      stopped.abort()
      await began
      await changes?.close()
      while (turns.size > 0) await Promise.all(turns.values())
      await Promise.all([...feeds.values()].map(({ done }) => done))
      await sender.stop()
      await agent.destroy()
    },
  }
}

/** Events after which a webhook is to be read anew. */
const changing: readonly EventType[] = [
  'webhook.created',
  'webhook.updated',
  'webhook.disabled',
  'webhook.deleted',
  'webhook.replayed',
  'webhook.ping',
]
