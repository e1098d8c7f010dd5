import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { descendantsOf, type GroupName, membersOf } from './group.ts'
import { hasProc, type ProcessStat } from './proc.ts'

const listening = '0A'
const tables = ['/proc/net/tcp', '/proc/net/tcp6']
/** About two rows: the kernel fills what it is asked for, and to look past the last listening socket it goes through all the others. */
const chunkBytes = 300

/**
 * Whether a process of the group listens on the port: somebody else who answers there is not the replica. Where the system does not tell,
 * whoever answers is taken for it.
 */
export function groupListens(group: GroupName, port: number): boolean {
  if (!hasProc) return membersOf(group).length > 0
  const near = socketsOfAll(descendantsOf(group))
  for (const table of tables) for (const inode of listenersOn(table, port)) if (near.has(inode)) return true
  const listeners = tables.flatMap(table => [...listenersOn(table, port)])
  if (listeners.length === 0) return false
  const all = socketsOfAll(membersOf(group))
  return listeners.some(inode => all.has(inode))
}

/** Inodes of the sockets that listen on the port. The kernel lists listening sockets first, so the thousands after them are not read. */
function* listenersOn(table: string, port: number): Generator<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  for (const row of rows(table)) {
    const fields = row.trim().split(/\s+/)
    const [, local = '', , state] = fields
    if (state !== listening) break
    if (local.endsWith(`:${wanted}`) && fields[9]) yield fields[9]
  }
}

function* rows(table: string): Generator<string> {
  let file: number
  try {
    file = openSync(table, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return // a system without IPv6 has no tcp6
    throw error
  }
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let rest = ''
    let header = true
    for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, size)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!header) yield line
        header = false
      }
    }
  } finally {
    closeSync(file)
  }
}

function socketsOfAll(members: readonly ProcessStat[]): Set<string> {
  return new Set(members.flatMap(member => socketsOf(member.pid)))
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).flatMap(descriptor => {
      const target = linkOf(`${folder}/${descriptor}`)
      return target?.startsWith('socket:[') ? [target.slice(8, -1)] : []
    })
  } catch {
    return [] // ended while we looked, or not ours to look into: it owns nothing we can vouch for
  }
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined // closed while we looked
  }
}
