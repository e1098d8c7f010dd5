import type { Address, Replica } from '../../src/provider/provider.ts'

/** A running replica that answers at `address`. */
export function replicaAt(address: Address | undefined, more: Partial<Replica> = {}): Replica {
  return {
    id: 'r1',
    name: 'api.a1.1.0',
    service: 'api',
    revision: 'a1.1',
    ordinal: 0,
    state: 'running',
    addresses: address ? { http: address } : {},
    startedAt: '2026-01-01T00:00:00.000Z',
    storeId: 'store_1',
    epoch: 1,
    ...more,
  }
}
