import type { Call } from './call.ts'
import type { CallOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import type { AuditEntry, AuditExportQuery, AuditQuery } from './types.ts'

/** What callers did: who, what, from where, before and after. */
export interface AuditClient {
  /** Newest first. */
  list(query?: AuditQuery, options?: CallOptions): Pages<AuditEntry>
  /** All that fit, as a file: an entry a line, NDJSON or CSV. */
  export(query?: AuditExportQuery, options?: CallOptions): Promise<string>
}

/** The audit log of a server. */
export function audit(call: Call): AuditClient {
  return {
    list: (query, options) => pagesOf(query, query => call('GET /v1/audit', { query, options })),
    export: async (query, options) => (await call('GET /v1/audit/export', { query, asText: true, options })) as string,
  }
}
