import type { AuthProvider, Claims } from '../auth/auth.ts'
import type { Page } from '../deploy/store.ts'
import type { AuditEntry, AuditFilter, AuditListOptions, AuditStore } from './entry.ts'

/** What callers did to the things of a tenant, as one caller may read it. */
export interface AuditService {
  /** Newest first. */
  list(options?: AuditListOptions): Promise<Page<AuditEntry>>
  /** All that fit, newest first, read a page at a time: what is written meanwhile is not among them. */
  all(filter?: AuditFilter): AsyncIterable<AuditEntry>
}

interface AuditParts {
  readonly auth: AuthProvider
  readonly audit: AuditStore
}

/** Entries that an export reads at once. */
const pageSize = 200

/** An audit service that acts for this caller. */
export function auditService({ auth, audit }: AuditParts, caller: Claims): AuditService {
  const tenantId = auth.tenantOf(caller)
  return {
    async list(options) {
      await auth.authorize(caller, 'audit.read')
      return await audit.list(tenantId, options)
    },
    async *all(filter = {}) {
      await auth.authorize(caller, 'audit.read')
      let cursor: string | undefined
      do {
        const page = await audit.list(tenantId, { ...filter, limit: pageSize, ...(cursor ? { cursor } : {}) })
        yield* page.items
        cursor = page.nextCursor
      } while (cursor !== undefined)
    },
  }
}
