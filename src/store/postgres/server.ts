import type { Pool } from 'pg'
import { SlipwayError } from '../../errors.ts'

/** The oldest that is supported, as PostgreSQL counts. */
const oldest = 140_000

/** What a server says of itself. */
export interface ServerLook {
  /** `180004` for 18.4. */
  readonly version: number
  /** Whether it only follows another one. */
  readonly standby: boolean
  readonly encoding: string
  /** Its time, milliseconds since 1970. */
  readonly now: number
}

/** Asks it. */
export async function look(pool: Pool): Promise<ServerLook> {
  const { rows } = await pool.query<ServerLook>(
    `select current_setting('server_version_num')::int as version, pg_is_in_recovery() as standby,
       current_setting('server_encoding') as encoding, (extract(epoch from clock_timestamp()) * 1000)::float8 as now`,
  )
  const [told] = rows
  if (!told) throw new Error('the server told nothing of itself')
  return told
}

/** Throws when a store can't be kept there: `invalid_request` for what stays so, `unavailable` for what may change. */
export function requireFit({ version, standby, encoding }: Omit<ServerLook, 'now'>, server: string): void {
  if (version < oldest) {
    throw new SlipwayError(
      'invalid_request',
      `PostgreSQL at ${server} is version ${Math.floor(version / 10_000)}, and ${oldest / 10_000} is the oldest that is supported.`,
      { next: 'Upgrade the server, or use another one.' },
    )
  }
  if (encoding !== 'UTF8') {
    throw new SlipwayError('invalid_request', `The database at ${server} is kept in ${encoding}, not in UTF8.`, {
      next: 'Make one with createdb --encoding UTF8 --template template0.',
    })
  }
  if (standby) {
    throw new SlipwayError('unavailable', `PostgreSQL at ${server} follows another server, and takes no writes.`, {
      next: 'Point Slipway at the primary.',
    })
  }
}
