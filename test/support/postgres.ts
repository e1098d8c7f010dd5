import { randomBytes } from 'node:crypto'
import { after, describe, type TestContext, test } from 'node:test'
import { Client } from 'pg'
import { postgresStore } from '../../src/store/postgres.ts'
import { isRequired } from './part.ts'
import { noServer, startServer } from './postgres-server.ts'

const given = process.env['TEST_DATABASE_URL']

/** Why tests go without PostgreSQL on this machine; undefined where there is one, or has to be. */
export const noPostgres: string | undefined = given !== undefined || isRequired('postgres') ? undefined : noServer()

/** Defines tests that need PostgreSQL; where there is none, one in their place says why they are left out. */
export function onPostgres(define: () => void): void {
  leftOutWithout(noPostgres, define)
}

/** The same, of a suite of one name. */
export function describeOnPostgres(name: string, define: () => void): void {
  leftOutWithout(noPostgres, () => void describe(name, define))
}

/** The same, of one that starts, stops or cuts a server of its own. */
export function describeOnServer(name: string, define: () => void): void {
  leftOutWithout(isRequired('postgres') ? undefined : noServer(), () => void describe(name, define))
}

function leftOutWithout(missing: string | undefined, define: () => void): void {
  if (missing === undefined) define()
  else test('tests on PostgreSQL', { skip: missing }, () => {})
}

/** Where the databases of this process are: at `TEST_DATABASE_URL`, else on a server of its own, which is started when it is asked for. */
interface Site {
  url(database: string): string
  /** Where databases are made and dropped. */
  readonly admin: string
  readonly template: string
}

let site: Promise<Site> | undefined

/** Those that stay until all tests have ended. A server of our own goes with them. */
const made: string[] = []
if (given !== undefined) {
  after(async () => {
    for (const name of made) await onServer(given, `drop database ${name} with (force)`)
  })
}

/** Databases with nothing in their tables, which no test uses. To make one takes ten times as long as to empty it. */
const free: string[] = []

/** A database with all tables in it, and nothing in them: not even a store id. Resolves to its URL. */
export async function postgresDatabase(t: Pick<TestContext, 'after'>): Promise<string> {
  const database = free.pop() ?? (await copyOf(await (site ??= found())))
  t.after(async () => {
    await onServer(database, emptyAll)
    free.push(database)
  })
  return database
}

async function copyOf({ template, url, admin }: Site): Promise<string> {
  const name = newName()
  await onServer(admin, `create database ${name} template ${template}`)
  made.push(name)
  return url(name)
}

/** What a test left connected is ended first. */
const emptyAll = `
  do $$
  declare it text;
  begin
    perform pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid();
    for it in select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' loop
      execute format('alter table %I disable trigger all', it);
      execute format('delete from %I', it);
      execute format('alter table %I enable trigger all', it);
    end loop;
  end $$`

/** A new database with nothing in it, likewise. */
export async function emptyDatabase(t: Pick<TestContext, 'after'>): Promise<string> {
  const { url, admin } = await (site ??= found())
  const name = newName()
  await onServer(admin, `create database ${name} template template0 encoding 'UTF8'`)
  t.after(() => onServer(admin, `drop database ${name} with (force)`))
  return url(name)
}

/** Runs statements over a connection of its own; resolves to the rows of the last. */
export async function onServer(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement))
    return rows
  } finally {
    await client.end()
  }
}

async function found(): Promise<Site> {
  const url = given === undefined ? (await startServer()).url : (database: string) => otherDatabase(given, database)
  const admin = given ?? url('postgres')
  const template = newName()
  await onServer(admin, `create database ${template} template template0 encoding 'UTF8'`)
  const store = await postgresStore({ url: url(template) })
  await store.close()
  // Each copy is a store of its own.
  await onServer(url(template), 'delete from meta')
  made.push(template)
  return { url, admin, template }
}

function otherDatabase(url: string, database: string): string {
  // Not as a URL: one that leads to a socket has no host.
  return url.replace(/^(\w+:\/\/[^/]*)(?:\/[^?]*)?/, `$1/${database}`)
}

function newName(): string {
  return `slipway_test_${randomBytes(8).toString('hex')}`
}
