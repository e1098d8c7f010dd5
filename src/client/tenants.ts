import type { Call } from './call.ts'
import type { AskOptions, CallOptions, ChangeOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf, type Known } from './read.ts'
import type { CreateTenant, PageQuery, QuotaUse, SetQuota, Tenant, UpdateTenant } from './types.ts'
import { etagOf } from './versions.ts'

/** Tenants and what they may have, for operators. */
export interface TenantsClient {
  /** Those that were created, newest first. */
  list(query?: PageQuery, options?: CallOptions): Pages<Tenant>
  create(tenant: CreateTenant, options?: AskOptions): Promise<Tenant>
  /** One of them. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<Tenant>, options?: CallOptions): Promise<Tenant>
  /** Changes its title; suspends it, or makes it active again. */
  update(of: Known, change: UpdateTenant, options?: ChangeOptions): Promise<Tenant>
  /** Deletes one that has no instances and no secrets. */
  delete(of: Known, options?: ChangeOptions): Promise<Tenant>
  /** Its limits, and what it uses. */
  quota(id: string, options?: CallOptions): Promise<QuotaUse>
  /** Sets all its limits. `seen` is the quota as it was read; `ifMatch: '*'` sets it whatever it was. */
  setQuota(id: string, quota: SetQuota, seen?: QuotaUse, options?: ChangeOptions): Promise<QuotaUse>
}

/** The tenants of a server. */
export function tenants(call: Call): TenantsClient {
  return {
    list: (query, options) => pagesOf(query, query => call('GET /v1/tenants', { query, options })),
    create: (body, options) => call('POST /v1/tenants', { body, options }),
    get: (of, options) =>
      call('GET /v1/tenants/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    update: (of, body, options) =>
      call('PATCH /v1/tenants/{id}', {
        path: { id: idOf(of) },
        body,
        ifMatch: options?.ifMatch ?? etagOf(of),
        options,
      }),
    delete: (of, options) =>
      call('DELETE /v1/tenants/{id}', { path: { id: idOf(of) }, ifMatch: options?.ifMatch ?? etagOf(of), options }),
    quota: (id, options) => call('GET /v1/tenants/{id}/quota', { path: { id }, options }),
    setQuota: (id, body, seen, options) =>
      call('PUT /v1/tenants/{id}/quota', { path: { id }, body, ifMatch: options?.ifMatch ?? etagOf(seen), options }),
  }
}
