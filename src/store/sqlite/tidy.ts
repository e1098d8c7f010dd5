import { type Kysely, sql } from 'kysely'

/** Free pages that a file keeps for what comes next, whatever its size. */
const keptPages = 1024
/** Free pages given back at once: a few milliseconds. */
const pagesAtOnce = 128
/** How often at most in one go. */
const rounds = 80

/**
 * Copies the log into the file, so that the next commit begins it anew, and gives pages back to the disk once a quarter of the file is
 * free. What a reader of a backup still looks at stays in the log; it is not waited for.
 */
export async function tidy<S>(db: Kysely<S>): Promise<void> {
  await sql`pragma wal_checkpoint(passive)`.execute(db)
  for (let round = 0; round < rounds && (await isLoose(db)); round++) await giveBack(db)
}

/** The pragma frees a page each time it is stepped, and node:sqlite steps it once. */
async function giveBack<S>(db: Kysely<S>): Promise<void> {
  await db.transaction().execute(async one => {
    for (let page = 0; page < pagesAtOnce; page++) await sql`pragma incremental_vacuum(1)`.execute(one)
  })
}

async function isLoose<S>(db: Kysely<S>): Promise<boolean> {
  const { rows } = await sql<{ free: number; pages: number; incremental: number }>`
    select freelist_count as free, page_count as pages, auto_vacuum = 2 as incremental
    from pragma_freelist_count, pragma_page_count, pragma_auto_vacuum`.execute(db)
  const [{ free, pages, incremental } = { free: 0, pages: 0, incremental: 0 }] = rows
  return incremental === 1 && free > keptPages && free > pages / 4
}
