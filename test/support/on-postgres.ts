import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Equip } from './control-plane.ts'

/** Where the URL is written down for a control plane in a process of its own, in its data folder. */
export const databaseFile = 'database-url'

/** Equips it with the database that is named there. */
export const equip: Equip = async dataDir => ({ database: readFileSync(join(dataDir, databaseFile), 'utf8') })
