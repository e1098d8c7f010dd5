import type { Call } from './call.ts'
import type { CallOptions } from './options.ts'
import type { Code, Whoami } from './types.ts'

/** The server itself, and who one is to it. */
export interface MetaClient {
  /** What the token says. */
  whoami(options?: CallOptions): Promise<Whoami>
  /** Whether the process answers. */
  health(options?: CallOptions): Promise<{ status: 'ok' }>
  /** Whether its parts answer. Refused with `unavailable` when one does not, which names it. */
  ready(options?: CallOptions): Promise<{ status: 'ok' }>
  /** What a code of a problem means. */
  explain(code: string, options?: CallOptions): Promise<Code>
  /** Metrics in the text form of Prometheus, for operators. */
  metrics(options?: CallOptions): Promise<string>
  /** The OpenAPI 3.1 document of the API. */
  openapi(options?: CallOptions): Promise<object>
}

/** What everyone may ask of a server. */
export function meta(call: Call): MetaClient {
  return {
    whoami: options => call('GET /v1/whoami', { options }),
    health: options => call('GET /healthz', { options }),
    ready: options => call('GET /readyz', { options }),
    explain: (code, options) => call('GET /v1/problems/{code}', { path: { code }, options }),
    metrics: async options => await call('GET /metrics', { asText: true, options }),
    openapi: async options => (await call('GET /v1/openapi.json', { options })) as object,
  }
}
