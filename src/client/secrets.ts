import type { Call } from './call.ts'
import type { AskOptions, CallOptions, ChangeOptions } from './options.ts'
import type { Items, Secret } from './types.ts'
import { etagOf } from './versions.ts'

/** Secrets: values go in, and only names and versions come out. */
export interface SecretsClient {
  /** Names and versions. */
  list(options?: CallOptions): Promise<Items<Secret>>
  /** Keeps a new one. */
  store(name: string, value: string, options?: AskOptions): Promise<Secret>
  /** Its versions. Given as it was read, it is only fetched when it has changed. */
  get(of: string | Secret, options?: CallOptions): Promise<Secret>
  /** Destroys all versions. */
  delete(of: string | Secret, options?: ChangeOptions): Promise<void>
  /** Stages a new version: the next deploy that names the service takes it. */
  rotate(name: string, value: string, options?: AskOptions): Promise<Secret>
  /** Destroys one version. */
  revoke(name: string, version: number, options?: AskOptions): Promise<Secret>
}

/** The secrets of a server. */
export function secrets(call: Call): SecretsClient {
  const nameOf = (of: string | Secret): string => (typeof of === 'string' ? of : of.name)
  return {
    list: options => call('GET /v1/secrets', { options }),
    store: (name, value, options) => call('POST /v1/secrets', { body: { name, value }, options }),
    get: (of, options) =>
      call('GET /v1/secrets/{name}', { path: { name: nameOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    async delete(of, options) {
      await call('DELETE /v1/secrets/{name}', {
        path: { name: nameOf(of) },
        ifMatch: options?.ifMatch ?? etagOf(of),
        options,
      })
    },
    rotate: (name, value, options) =>
      call('POST /v1/secrets/{name}/rotate', { path: { name }, body: { value }, options }),
    revoke: (name, version, options) =>
      call('POST /v1/secrets/{name}/versions/{version}/revoke', { path: { name, version }, options }),
  }
}
