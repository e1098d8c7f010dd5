import assert from 'node:assert/strict'
import type { Instance } from '../../src/instance/instance.ts'
import { openBooks } from '../crash/books.ts'
import { violationsOf } from '../crash/invariants.ts'
import type { Machine, Tenant } from '../support/machine.ts'

/**
 * Asserts that table, processes, routes, reserved ports and the log of every shop say the same, once what is under way is through. The
 * machine has no instances but these.
 */
export async function assertAgreed({ dataDir }: Machine, { id }: Tenant, shops: readonly Instance[]): Promise<void> {
  const books = openBooks(dataDir, id)
  try {
    const instanceIds = shops.map(shop => shop.id)
    assert.deepEqual(await violationsOf({ dataDir, books }, instanceIds), [])
  } finally {
    books.close()
  }
}
