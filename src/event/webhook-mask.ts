import { masker } from '../secrets/mask.ts'
import type { Vault } from '../secrets/vault.ts'

/** Takes a tenant's secrets out of what its receivers answer: they may be programs that have them. */
export type AnswerMask = (tenantId: string, text: string) => Promise<string>

/** So many tenants' secrets are kept at hand, for the next answer. */
const mostKept = 100

/** A mask that looks at each answer which secrets there are, and fetches them when they are others than before. */
export function answerMask(vault: Vault): AnswerMask {
  const known = new Map<string, { readonly versions: string; readonly mask: (line: string) => string }>()
  return async (tenantId, text) => {
    const secrets = (await vault.list(tenantId)).flatMap(({ name, versions }) =>
      versions.filter(({ revokedAt }) => revokedAt === undefined).map(({ version }) => ({ name, version })),
    )
    const versions = JSON.stringify(secrets)
    const kept = known.get(tenantId)
    if (kept?.versions === versions) return kept.mask(text)
    const values = await Promise.all(
      secrets.map(async ({ name, version }) => (await vault.retrieve(tenantId, name, version)).value),
    )
    const mask = masker(values)
    known.delete(tenantId)
    known.set(tenantId, { versions, mask })
    for (const oldest of known.keys()) {
      if (known.size <= mostKept) break
      known.delete(oldest)
    }
    return mask(text)
  }
}
