import { randomBytes } from 'node:crypto'
import { Webhook as Signer } from 'standardwebhooks'
import type { Clock } from '../clock.ts'
import { timestamp } from '../clock.ts'
import type { Vault } from '../secrets/vault.ts'
import type { SecretVersion, Webhook } from './webhook.ts'

const prefix = 'whsec_'
const keyBytes = 32

/** Versions that are used beside each other at most; more rotations within one overlap end the oldest early. */
const mostVersions = 5

/** Where secrets of a tenant's webhooks are in the vault: apart from its own, under a name that no tenant can have. */
export function vaultTenant(tenantId: string): string {
  return `${tenantId}.webhooks`
}

/** A new secret, as Standard Webhooks has it. */
export function newWebhookSecret(): string {
  return `${prefix}${randomBytes(keyBytes).toString('base64')}`
}

/** The versions after a rotation to `version`: those before are used until `until` at most. */
export function rotated(
  before: readonly SecretVersion[],
  version: number,
  now: number,
  until: number,
): SecretVersion[] {
  const older = before
    .filter(known => isUsed(known, now))
    .map(known => ({
      version: known.version,
      until: timestamp(Math.min(until, known.until === undefined ? until : Date.parse(known.until))),
    }))
    .filter(known => isUsed(known, now))
  return [...older, { version }].toSorted((a, b) => a.version - b.version).slice(-mostVersions)
}

/** Whether a version is still signed with. */
export function isUsed({ until }: SecretVersion, now: number): boolean {
  return until === undefined || Date.parse(until) > now
}

/** The secrets that requests are signed with now, the newest first. */
export async function secretsOf(
  { id, tenantId, secretVersions }: Webhook,
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
): Promise<string[]> {
  const used = secretVersions.filter(version => isUsed(version, clock.now())).toReversed()
  return await Promise.all(
    used.map(async ({ version }) => (await vault.retrieve(vaultTenant(tenantId), id, version)).value),
  )
}

/** The headers that say who sent a body, when, and as what; a signature for each secret. */
export function signed(id: string, atMs: number, body: string, secrets: readonly string[]): Record<string, string> {
  const at = new Date(atMs)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(atMs / 1000)),
    'webhook-signature': secrets.map(secret => new Signer(secret).sign(id, at, body)).join(' '),
  }
}
