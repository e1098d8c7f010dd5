import { createHash } from 'node:crypto'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import type { RouteTable } from '../router.ts'
import { routeTableSchema } from './schema.ts'

/** The tables found at a start, and the files that could not be read. */
export interface Restored {
  readonly tables: readonly RouteTable[]
  /** Name of the file → what is wrong with it. */
  readonly torn: ReadonlyMap<string, string>
}

/** Name of the file that holds an instance's table. */
export function tableFile(instanceId: string): string {
  const safe = /^[A-Za-z0-9_-]{1,100}$/.test(instanceId)
  return `${safe ? instanceId : createHash('sha256').update(instanceId).digest('hex')}.json`
}

/** Writes a table so that it is whole on disk, under its name, when this resolves. */
export async function writeTable(folder: string, table: RouteTable): Promise<void> {
  await writeDurably(folder, tableFile(table.instanceId), JSON.stringify(table))
}

/** Removes an instance's table for good. */
export async function removeTable(folder: string, instanceId: string): Promise<void> {
  await rm(join(folder, tableFile(instanceId)), { force: true })
  await syncFolder(folder)
}

/** Every table in the folder. A file that cannot be read harms no other. */
export async function readTables(folder: string): Promise<Restored> {
  const tables: RouteTable[] = []
  const torn = new Map<string, string>()
  for (const name of (await readdir(folder)).sort()) {
    if (name.endsWith('.new')) await rm(join(folder, name), { force: true })
    if (!name.endsWith('.json')) continue
    try {
      const table = routeTableSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))
      if (tableFile(table.instanceId) !== name) throw new Error(`it holds the table of ${table.instanceId}`)
      tables.push(table)
    } catch (error) {
      torn.set(name, messageOf(error))
    }
  }
  return { tables, torn }
}

/** Temp file, fsync, rename, fsync of the folder: after a crash there is the old content or the new, never a part. */
export async function writeDurably(folder: string, name: string, content: string): Promise<void> {
  const temporary = join(folder, `${name}.new`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(folder, name))
  await syncFolder(folder)
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
