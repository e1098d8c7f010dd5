import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { exit } from './exit.ts'
import { piped } from './piped.ts'
import { Refusal } from './refusal.ts'

/** What flags say about the database. */
export interface DatabaseFlags {
  readonly database?: string
  readonly databaseUrlStdin?: boolean
}

/** Declares the flags, under the name that a command has for the URL. */
export function databaseFlags(command: Command, flag: '--database' | '--to', what: string): void {
  command
    .option(`${flag} <url>`, `${what}: postgres://user@host/database (env: SLIPWAY_DATABASE_URL)`)
    .option('--database-url-stdin', 'read that URL from standard input')
}

/**
 * The URL of a PostgreSQL database: by a flag, from standard input, or from the environment; undefined when none is named. A password is
 * better not part of a command line, which everybody on the machine can read: in it, it is told.
 */
export async function databaseUrl(
  cli: Cli,
  flag: string | undefined,
  fromStdin: boolean | undefined,
): Promise<string | undefined> {
  if (flag !== undefined && fromStdin) {
    throw new Refusal(exit.usage, 'usage', 'The URL of the database is given twice.', 'Leave one of the flags out')
  }
  if (fromStdin) {
    const url = (await piped(cli)).toString('utf8').trim()
    if (url !== '') return url
    throw new Refusal(
      exit.usage,
      'usage',
      'Nothing came in where the URL of the database was to be read.',
      'Pipe it in',
    )
  }
  if (flag !== undefined && URL.parse(flag)?.password) {
    cli.tell(
      'A password on a command line can be read by everybody on this machine: SLIPWAY_DATABASE_URL or PGPASSWORD keeps it off.',
    )
  }
  return flag ?? (cli.world.env['SLIPWAY_DATABASE_URL'] || undefined)
}
