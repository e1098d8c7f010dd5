import { type AuditAction, audited, changesOf, type NewAuditEntry } from '../audit/entry.ts'
import type { AuthProvider, Claims } from '../auth/auth.ts'
import { type Clock, timestamp } from '../clock.ts'
import { parse } from '../deploy/schema.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import type { Store, Stores } from '../deploy/work.ts'
import { isSlipwayError, SlipwayError } from '../errors.ts'
import { newId } from '../id.ts'
import type { Vault } from '../secrets/vault.ts'
import { requireThere } from '../tenant/quota.ts'
import type { EventBus } from './bus.ts'
import type { EventType } from './event.ts'
import { placeBefore } from './place.ts'
import type { Delivery, DeliveryListOptions, Webhook } from './webhook.ts'
import { deliveryOf } from './webhook-feed.ts'
import { disable } from './webhook-record.ts'
import {
  type CreateWebhookRequest,
  createWebhookSchema,
  type ReplayWebhookRequest,
  type RotateWebhookRequest,
  replayWebhookSchema,
  rotateWebhookSchema,
  type UpdateWebhookRequest,
  updateWebhookSchema,
  webhookDefaults,
} from './webhook-schema.ts'
import { isUsed, newWebhookSecret, rotated, vaultTenant } from './webhook-secret.ts'
import type { Targets } from './webhook-target.ts'
import { pingType } from './webhook-types.ts'

/** A webhook with the secret that its receiver verifies with, which is told this once. */
export interface IssuedWebhook {
  readonly webhook: Webhook
  /** `whsec_…`. */
  readonly secret: string
}

/** Webhooks of a tenant, as one caller may handle them. */
export interface WebhookService {
  /** It is told of what happens from now on. */
  create(request: CreateWebhookRequest): Promise<IssuedWebhook>
  /** Newest first. */
  list(options?: ListOptions): Promise<Page<Webhook>>
  get(id: string): Promise<Webhook>
  /** What waits to be delivered goes to the new URL. Disabling it cancels that. */
  update(id: string, request: UpdateWebhookRequest, check?: (webhook: Webhook) => void): Promise<Webhook>
  /** Nothing is sent any more, and nothing of it is kept. */
  delete(id: string, check?: (webhook: Webhook) => void): Promise<void>
  /** A new secret; requests are signed with those before as well for a while. */
  rotate(id: string, request?: RotateWebhookRequest): Promise<IssuedWebhook>
  /** Sends it a `webhook.ping`, whatever types it asks for. Throws `webhook_disabled`. */
  test(id: string): Promise<Delivery>
  /**
   * Makes its deliveries anew from the first event of a moment on: what was delivered comes again, and what waits comes in the order of
   * the log. Events that the log does not have any more stay away. Throws `webhook_disabled`.
   */
  replayAll(id: string, request: ReplayWebhookRequest): Promise<Webhook>
  /** Newest first. */
  deliveries(id: string, options?: DeliveryListOptions): Promise<Page<Delivery>>
  delivery(id: string, deliveryId: string): Promise<Delivery>
  /**
   * Delivers one again, behind what waits of its instance; one that has not ended is tried now, after what it waits for. Throws
   * `webhook_disabled`.
   */
  replay(id: string, deliveryId: string): Promise<Delivery>
}

interface WebhookParts {
  readonly auth: AuthProvider
  readonly store: Store
  readonly vault: Vault
  readonly bus: EventBus
  readonly clock: Clock
  readonly targets: Targets
}

/** A webhook service that acts for this caller. */
export function webhookService(
  { auth, store, vault, bus, clock, targets }: WebhookParts,
  caller: Claims,
): WebhookService {
  const tenantId = auth.tenantOf(caller)
  const secretTenant = vaultTenant(tenantId)
  const read = (): Promise<void> => auth.authorize(caller, 'webhook.read')
  const write = (): Promise<void> => auth.authorize(caller, 'webhook.write')
  const now = () => timestamp(clock.now())

  const get = async (from: Stores, id: string): Promise<Webhook> => {
    const webhook = await from.webhooks.get(tenantId, id)
    if (webhook) return webhook
    throw new SlipwayError('not_found', `There is no webhook ${JSON.stringify(id)}.`, {
      next: 'List the webhooks to see which there are.',
    })
  }
  const getDelivery = async (from: Stores, id: string, deliveryId: string): Promise<Delivery> => {
    const webhook = await get(from, id)
    const delivery = await from.webhooks.delivery(tenantId, webhook.id, deliveryId)
    if (delivery) return delivery
    throw new SlipwayError('not_found', `Webhook ${webhook.id} has no delivery ${JSON.stringify(deliveryId)}.`, {
      next: 'List its deliveries; those that ended long ago are not kept.',
    })
  }
  const tell = ({ events }: Stores, type: EventType, webhookId: string, data: Record<string, unknown> = {}) =>
    events.append({ type, tenantId, data: { webhookId, ...data } })

  const noted = (
    { audit }: Stores,
    action: AuditAction,
    id: string,
    change: Pick<NewAuditEntry, 'before' | 'after'>,
  ): Promise<void> =>
    audit.append(audited({ ...caller, tenantId }, { action, object: { kind: 'webhook', id }, ...change }))

  /** A change, its event and its line in the audit log, as one; whoever follows the log is told at once. */
  async function change<T>(act: (tx: Stores) => Promise<T>): Promise<T> {
    const changed = await store.transaction(act)
    bus.wake()
    return changed
  }

  return {
    async create(given) {
      await write()
      const { url, ...request } = parse(createWebhookSchema, given, 'The webhook')
      requireThere(await store.tenants.get(tenantId)) // before its secret is kept; the transaction looks again
      const secret = newWebhookSecret()
      const at = now()
      const base = { ...request, url: targets.checked(url), id: newId('whk'), createdAt: at, updatedAt: at, tenantId }
      const { version } = await vault.store(secretTenant, base.id, secret)
      const webhook: Webhook = { ...base, enabled: true, secretVersions: [{ version }] }
      await change(async tx => {
        requireThere(await tx.tenants.get(tenantId))
        await tx.webhooks.insert(webhook, await tx.events.lastSeq())
        await tell(tx, 'webhook.created', webhook.id)
        await noted(tx, 'webhook.create', webhook.id, { after: askedOf(webhook) })
      })
      return { webhook, secret }
    },

    async list(options) {
      await read()
      return await store.webhooks.list(tenantId, options)
    },

    async get(id) {
      await read()
      return await get(store, id)
    },

    async update(id, given, check) {
      await write()
      const { enabled, url, ...request } = parse(updateWebhookSchema, given, 'The change')
      const patch = { ...request, ...(url === undefined ? {} : { url: targets.checked(url) }) }
      return await change(async tx => {
        const webhook = await get(tx, id)
        check?.(webhook)
        const at = now()
        await tx.webhooks.change(id, { ...patch, updatedAt: at })
        if (enabled === true && !webhook.enabled) {
          const place = await tx.events.lastSeq()
          await tx.webhooks.change(id, { enabled, disabled: null, place })
        }
        if (enabled === false && webhook.enabled) {
          const disabled = { code: 'by_request', text: `${caller.subject} disabled it.`, since: at } as const
          await disable(tx, webhook, disabled)
        } else await tell(tx, 'webhook.updated', id)
        const after = await get(tx, id)
        await noted(tx, 'webhook.update', id, changesOf(askedOf(webhook), askedOf(after)))
        return after
      })
    },

    async delete(id, check) {
      await write()
      await change(async tx => {
        const webhook = await get(tx, id)
        check?.(webhook)
        await tx.webhooks.delete(webhook.id)
        await tell(tx, 'webhook.deleted', id)
        await noted(tx, 'webhook.delete', id, { before: askedOf(webhook) })
      })
      try {
        await vault.delete(secretTenant, id)
      } catch (error) {
        // Another delete of it at the same moment was faster.
        if (!isSlipwayError(error, 'unknown_secret')) throw error
      }
    },

    async rotate(id, given = {}) {
      await write()
      const { overlapSeconds = webhookDefaults.overlapSeconds } = parse(rotateWebhookSchema, given, 'The rotation')
      await get(store, id)
      const secret = newWebhookSecret()
      const { version, versions } = await vault.rotate(secretTenant, id, secret)
      const webhook = await change(async tx => {
        const { secretVersions } = await get(tx, id)
        const at = clock.now()
        const known = rotated(secretVersions, version, at, at + overlapSeconds * 1000)
        await tx.webhooks.change(id, { secretVersions: known, updatedAt: timestamp(at) })
        await tell(tx, 'webhook.updated', id)
        await noted(tx, 'webhook.rotate', id, { after: { overlapSeconds } })
        return await get(tx, id)
      })
      const used = webhook.secretVersions.filter(known => isUsed(known, clock.now())).map(known => known.version)
      for (const old of versions) {
        const isOver = old.version < version && old.revokedAt === undefined && !used.includes(old.version)
        if (isOver) await vault.revoke(secretTenant, id, old.version)
      }
      return { webhook, secret }
    },

    async test(id) {
      await write()
      return await change(async tx => {
        const webhook = enabledOne(await get(tx, id))
        const event = await tell(tx, pingType, id)
        const delivery = deliveryOf(webhook, event, clock.now())
        // In a lane of its own: it tells how the receiver is now, whatever waits for it.
        await tx.webhooks.enqueue(id, [{ ...delivery, lane: delivery.id }])
        await noted(tx, 'webhook.test', id, { after: { deliveryId: delivery.id } })
        return await getDelivery(tx, id, delivery.id)
      })
    },

    async replayAll(id, given) {
      await write()
      const { since } = parse(replayWebhookSchema, given, 'The replay')
      await get(store, id)
      const place = await placeBefore(store.events, Date.parse(since))
      return await change(async tx => {
        const webhook = enabledOne(await get(tx, id))
        const fed = await tx.webhooks.enabled(webhook.id)
        // Never forward: what it has not been told of yet is told anyway.
        const from = Math.min(place, fed?.place ?? place)
        await tx.webhooks.cancel(id, from)
        await tx.webhooks.change(id, { place: from, updatedAt: now() })
        await tell(tx, 'webhook.replayed', id, { since })
        await noted(tx, 'webhook.replay', id, { after: { since } })
        return await get(tx, id)
      })
    },

    async deliveries(id, options) {
      await read()
      await get(store, id)
      return await store.webhooks.deliveries(tenantId, id, options)
    },

    async delivery(id, deliveryId) {
      await read()
      return await getDelivery(store, id, deliveryId)
    },

    async replay(id, deliveryId) {
      await write()
      return await change(async tx => {
        const delivery = await getDelivery(tx, id, deliveryId)
        enabledOne(await get(tx, id))
        const replayed = delivery.state === 'pending' ? delivery.id : newId('dlv')
        if (delivery.state === 'pending') await tx.webhooks.hurry(delivery)
        else {
          const { state, attempts, attemptCount, nextAt, endedAt, ...rest } = delivery
          void [state, attempts, attemptCount, nextAt, endedAt] // which are those of the one that ended
          await tx.webhooks.enqueue(id, [{ ...rest, id: replayed, createdAt: now(), replayOf: delivery.id }])
        }
        await tell(tx, 'webhook.replayed', id, { deliveryId: replayed })
        await noted(tx, 'webhook.replay', id, { after: { deliveryId: replayed } })
        return await getDelivery(tx, id, replayed)
      })
    },
  }
}

/** What somebody asked of a webhook, for the audit log. */
function askedOf({ url, types, instances, description, enabled }: Webhook): Record<string, unknown> {
  return { url, types, instances, description, enabled }
}

function enabledOne(webhook: Webhook): Webhook {
  const { id, enabled, disabled } = webhook
  if (enabled) return webhook
  const why = disabled ? `: ${disabled.text}` : '.'
  throw new SlipwayError('webhook_disabled', `Webhook ${id} is disabled${why}`, {
    next: 'Enable it first.',
    details: { webhookId: id },
  })
}
