import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import type { RouteTable } from '../router.ts'
import { nextRun } from './next-run.ts'
import { routeTableSchema } from './schema.ts'
import { turnstile } from './turnstile.ts'

/** How many files are open at once, at most. */
const openFiles = 16

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

/** The folder of the tables, a file per instance. What many ask for at once costs few waits for the disk. */
export interface TableFiles {
  /** Writes a table so that it is whole on disk, under its name, when this resolves. */
  write(table: RouteTable): Promise<void>
  /** Removes an instance's table for good. */
  remove(instanceId: string): Promise<void>
  /** Every table in the folder. A file that cannot be read harms no other. */
  read(): Promise<Restored>
  /** Whether the folder is another one than at the last {@link read}, or gone. Then it is made, and the tables have to be written again. */
  replaced(): Promise<boolean>
}

/** Looks after the tables in `folder`. */
export function tableFiles(folder: string): TableFiles {
  const inTurn = turnstile(openFiles)
  const syncRenames = nextRun(async () => syncFolder(folder))
  let known: number | undefined

  return {
    write: async table => {
      await inTurn(() => writeFile(folder, tableFile(table.instanceId), JSON.stringify(table)))
      await syncRenames()
    },
    remove: async instanceId => {
      await rm(join(folder, tableFile(instanceId)), { force: true, recursive: true })
      await syncRenames()
    },
    read: async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      known = await inodeOf(folder)
      const torn = new Map<string, string>()
      const readOne = async (name: string): Promise<RouteTable[]> => {
        if (name.endsWith('.new')) await rm(join(folder, name), { force: true, recursive: true })
        if (!name.endsWith('.json')) return []
        try {
          const table = routeTableSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))
          if (tableFile(table.instanceId) !== name) throw new Error(`it holds the table of ${table.instanceId}`)
          return [table]
        } catch (error) {
          torn.set(name, messageOf(error))
          return []
        }
      }
      const names = (await readdir(folder)).sort()
      const tables = await Promise.all(names.map(name => inTurn(() => readOne(name))))
      return { tables: tables.flat(), torn }
    },
    replaced: async () => {
      if (known === undefined || (await inodeOf(folder)) === known) return false
      await mkdir(folder, { recursive: true, mode: 0o700 })
      known = await inodeOf(folder)
      return true
    },
  }
}

/** Temp file, fsync, rename, fsync of the folder: after a crash there is the old content or the new, never a part. */
export async function writeDurably(folder: string, name: string, content: string): Promise<void> {
  await writeFile(folder, name, content)
  await syncFolder(folder)
}

async function writeFile(folder: string, name: string, content: string): Promise<void> {
  const temporary = join(folder, `${name}.new`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await rename(temporary, join(folder, name))
  } catch (error) {
    if (!isFolderInTheWay(error)) throw error
    await rm(join(folder, name), { recursive: true })
    await rename(temporary, join(folder, name))
  }
}

function isFolderInTheWay(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EISDIR' || error.code === 'ENOTEMPTY')
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino
  } catch (error) {
    void error // because a path that is not there has no inode
    return undefined
  }
}
