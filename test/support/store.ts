import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/clock.ts'
import type { Store } from '../../src/deploy/work.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

/** The store of a data folder, which refuses nobody as `overloaded` only because other tests keep the disk busy. */
export async function patientStore(dataDir: string, clock: Clock = systemClock): Promise<Store> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  return await sqliteStore({ path: join(dataDir, 'slipway.db'), clock, patienceMs: 100_000 })
}
