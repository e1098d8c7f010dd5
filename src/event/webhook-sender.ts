import type { Dispatcher } from 'undici'
import { after, type Clock, timestamp } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import { messageOf } from '../errors.ts'
import type { Vault } from '../secrets/vault.ts'
import type { EventBus } from './bus.ts'
import type { Delivery, Webhook } from './webhook.ts'
import type { AnswerMask } from './webhook-mask.ts'
import { record } from './webhook-record.ts'
import { secretsOf, signed } from './webhook-secret.ts'
import { type Outcome, send } from './webhook-send.ts'

/** How many requests are under way at most: of all webhooks, of those of one tenant, of one, and of one whose last request failed. */
export const inFlightLimits = { all: 64, tenant: 16, each: 4, failing: 1 } as const

const firstRetryMs = 100
const lastRetryMs = 30_000

interface SenderParts {
  readonly store: Store
  readonly bus: EventBus
  readonly vault: Vault
  readonly clock: Clock
  readonly log: { info(data: object, text: string): void; warn(data: object, text: string): void }
  readonly dispatcher: Dispatcher
  readonly mask: AnswerMask
  readonly random: () => number
  readonly timeoutMs: number
}

/** What is under way to one webhook. */
interface Endpoint {
  readonly inFlight: Set<string>
  readonly end: AbortController
  failing: boolean
}

/** What a tenant has under way, and its webhooks that wait because that is its share. */
interface Share {
  inFlight: number
  readonly waiting: Set<string>
}

/**
 * Sends what is due, webhooks in turn. What is due is asked of the store, a few at a time: however much waits, memory holds what is under
 * way. One that does not answer holds its own few places and no others', and all those of a tenant hold no more than its share.
 */
export class WebhookSender {
  readonly #parts: SenderParts
  readonly #stopped = new AbortController()
  readonly #endpoints = new Map<string, Endpoint>()
  /** Those that may have something due and a place free, the one that waits longest first. */
  readonly #wanting = new Set<string>()
  readonly #shares = new Map<string, Share>()
  readonly #working = new Set<Promise<void>>()
  #inFlight = 0
  #pumping = false
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  /** Something of this webhook may be due. */
  want(webhookId: string): void {
    this.#wanting.add(webhookId)
    this.#pump()
  }

  /** Something may be due, of any webhook. */
  look(): void {
    this.#work(() => this.#look())
  }

  /** Cuts what is under way to a webhook, and forgets it. */
  drop(webhookId: string): void {
    this.#wanting.delete(webhookId)
    this.#endpoints.get(webhookId)?.end.abort()
    this.#endpoints.delete(webhookId)
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#alarm?.cancel()
    for (const id of this.#endpoints.keys()) this.drop(id)
    while (this.#working.size > 0) await Promise.all(this.#working)
  }

  async #look(): Promise<void> {
    const { webhooks } = this.#parts.store
    for (const id of await this.#untilItWorks(() => webhooks.dueWebhooks())) this.#wanting.add(id)
    this.#pump()
    const next = await this.#untilItWorks(() => webhooks.nextDue())
    if (next !== undefined) this.#wakeAt(next)
  }

  /** Looks again then; only the earliest time counts, as the look finds the next. */
  #wakeAt(at: number): void {
    const { clock } = this.#parts
    if (this.#stopped.signal.aborted || (this.#alarm && this.#alarm.at <= at)) return
    this.#alarm?.cancel()
    const cancel = after(clock, Math.max(0, at - clock.now()), () => {
      this.#alarm = undefined
      this.look()
    })
    this.#alarm = { at, cancel }
  }

  #pump(): void {
    if (this.#pumping || this.#stopped.signal.aborted) return
    this.#pumping = true
    this.#work(async () => {
      try {
        while (this.#inFlight < inFlightLimits.all && !this.#stopped.signal.aborted) {
          const [id] = this.#wanting
          if (id === undefined) return
          this.#wanting.delete(id)
          await this.#beginOne(id)
        }
      } finally {
        this.#pumping = false
      }
    })
  }

  /** Begins the longest due of a webhook that is not under way, if there is a place for it; then others have their turn. */
  async #beginOne(id: string): Promise<void> {
    const endpoint = this.#endpointOf(id)
    const { inFlight, end, failing } = endpoint
    if (inFlight.size >= (failing ? inFlightLimits.failing : inFlightLimits.each)) return
    const due = await this.#untilItWorks(() => this.#parts.store.webhooks.due(id, inFlight.size + 1))
    const next = due.find(delivery => !inFlight.has(delivery.id))
    if (!next || end.signal.aborted) return
    const share = this.#shareOf(next.tenantId)
    if (share.inFlight >= inFlightLimits.tenant) return void share.waiting.add(id)
    inFlight.add(next.id)
    share.inFlight++
    this.#inFlight++
    this.#wanting.add(id)
    this.#work(async () => {
      try {
        await this.#deliver(endpoint, next)
      } finally {
        inFlight.delete(next.id)
        this.#inFlight--
        this.#giveBack(next.tenantId, share)
        if (!end.signal.aborted) this.#wanting.add(id)
        this.#pump()
      }
    })
  }

  async #deliver(endpoint: Endpoint, delivery: Delivery): Promise<void> {
    try {
      await this.#deliverOnce(endpoint, delivery)
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      // A defect, as everything that can fail is tried again or written down. Its place stays taken for a while, or it would spin.
      const about = { webhook: delivery.webhookId, delivery: delivery.id, error: messageOf(error) }
      this.#parts.log.warn(about, 'a delivery could not be made')
      await this.#parts.clock.sleep(lastRetryMs, endpoint.end.signal).catch((ended: unknown) => void ended) // because it was dropped
    }
  }

  async #deliverOnce(endpoint: Endpoint, delivery: Delivery): Promise<void> {
    const { store, bus, log } = this.#parts
    const { signal } = endpoint.end
    const fed = await this.#untilItWorks(() => store.webhooks.enabled(delivery.webhookId))
    if (!fed || signal.aborted) return
    const outcome = await this.#attempt(fed.webhook, delivery, signal)
    if (!outcome) return
    endpoint.failing = outcome.kind !== 'delivered'
    const came = await this.#untilItWorks(() => record(this.#parts, fed.webhook, delivery, outcome))
    if (came === 'delivered') return
    const about = { webhook: delivery.webhookId, delivery: delivery.id, error: outcome.attempt.error }
    if (came === 'given up' || came === 'gone') {
      bus.wake()
      log.warn(about, came === 'gone' ? 'a webhook was disabled: its receiver is gone' : 'a delivery was given up')
    } else this.#wakeAt(came.nextAt)
  }

  /** Undefined when the webhook was dropped meanwhile. */
  async #attempt(webhook: Webhook, delivery: Delivery, signal: AbortSignal): Promise<Outcome | undefined> {
    const { clock, vault, dispatcher, timeoutMs } = this.#parts
    const { eventId, payload } = delivery
    let secrets: string[]
    try {
      secrets = await secretsOf(webhook, { vault, clock })
    } catch (error) {
      const attempt = { at: timestamp(clock.now()), durationMs: 0, error: `it can't be signed: ${messageOf(error)}` }
      return { kind: 'failed', attempt }
    }
    try {
      return await send({
        url: webhook.url,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Slipway-Webhooks/1',
          ...signed(eventId, clock.now(), payload, secrets),
        },
        body: payload,
        dispatcher,
        clock,
        timeoutMs,
        signal: AbortSignal.any([signal, this.#stopped.signal]),
        mask: text => this.#masked(webhook, text),
      })
    } catch (error) {
      if (signal.aborted || this.#stopped.signal.aborted) return undefined
      throw error
    }
  }

  async #masked({ id, tenantId }: Webhook, text: string): Promise<string> {
    try {
      return await this.#parts.mask(tenantId, text)
    } catch (error) {
      this.#parts.log.warn({ webhook: id, error: messageOf(error) }, 'an answer is not kept: secrets could not be read')
      return ''
    }
  }

  #shareOf(tenantId: string): Share {
    const known = this.#shares.get(tenantId)
    if (known) return known
    const made: Share = { inFlight: 0, waiting: new Set() }
    this.#shares.set(tenantId, made)
    return made
  }

  /** There is a place again: whichever of those that wait has something due takes it. */
  #giveBack(tenantId: string, share: Share): void {
    share.inFlight--
    for (const id of share.waiting) this.#wanting.add(id)
    share.waiting.clear()
    if (share.inFlight === 0) this.#shares.delete(tenantId)
  }

  #endpointOf(id: string): Endpoint {
    const known = this.#endpoints.get(id)
    if (known) return known
    const made: Endpoint = { inFlight: new Set(), end: new AbortController(), failing: false }
    this.#endpoints.set(id, made)
    return made
  }

  #work(act: () => Promise<void>): void {
    const work = act()
      .catch((error: unknown) => {
        // Only a defect gets here, or the end: everything that can fail is tried again.
        if (!this.#stopped.signal.aborted) throw error
      })
      .finally(() => this.#working.delete(work))
    this.#working.add(work)
  }

  async #untilItWorks<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, log } = this.#parts
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(2 * retryMs, lastRetryMs)) {
      try {
        return await attempt()
      } catch (error) {
        this.#stopped.signal.throwIfAborted()
        log.warn({ error: messageOf(error), retryMs }, 'webhooks wait for a part that does not answer')
        await clock.sleep(retryMs, this.#stopped.signal)
      }
    }
  }
}
