import type { Fence, RevisionSpec } from '../../../src/provider/provider.ts'

/** A revision of `service` made of an image, for tests of the fake. */
export function revisionOf(service: string, more: Partial<RevisionSpec> = {}): RevisionSpec {
  return {
    tenantId: 'acme',
    instanceId: 'inst_1',
    service,
    revision: 'a1.1',
    image: `fake:${service}`,
    digest: 'sha256:00',
    env: {},
    secrets: {},
    urls: {},
    ports: [{ name: 'http' }],
    ...more,
  }
}

/** A fence that lets everything through. */
export function fenceOf(epoch: number, more: Partial<Fence> = {}): Fence {
  return {
    storeId: 'store_1',
    instanceId: 'inst_1',
    epoch,
    signal: new AbortController().signal,
    check: () => {},
    ...more,
  }
}
