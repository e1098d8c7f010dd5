import { statSync } from 'node:fs'
import { type Kysely, sql } from 'kysely'
import { logBytes } from './log-reserve.ts'

/** Free pages that a file keeps for what comes next, whatever its size. */
const keptPages = 1024
/** Free pages given back at once: a few milliseconds. */
const pagesAtOnce = 256
/** How often at most in one go. */
const rounds = 40

/**
 * Copies the log into the file, and gives pages back to the disk once a quarter of the file is free. A log that readers of a backup kept
 * from starting over is started over as soon as none of them looks at it; they are not waited for.
 */
export async function tidy<S>(db: Kysely<S>, path: string): Promise<void> {
  await sql`pragma wal_checkpoint(passive)`.execute(db)
  for (let round = 0; round < rounds && (await isLoose(db)); round++)
    await sql`pragma incremental_vacuum(${sql.lit(pagesAtOnce)})`.execute(db)
  const logSize = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (logSize <= logBytes) return
  await db.connection().execute(async one => {
    await sql`pragma busy_timeout = 0`.execute(one)
    await sql`pragma wal_checkpoint(restart)`.execute(one)
    await sql`pragma busy_timeout = 5000`.execute(one)
  })
}

async function isLoose<S>(db: Kysely<S>): Promise<boolean> {
  const { rows } = await sql<{ free: number; pages: number; incremental: number }>`
    select freelist_count as free, page_count as pages, auto_vacuum = 2 as incremental
    from pragma_freelist_count, pragma_page_count, pragma_auto_vacuum`.execute(db)
  const [{ free, pages, incremental } = { free: 0, pages: 0, incremental: 0 }] = rows
  return incremental === 1 && free > keptPages && free > pages / 4
}
