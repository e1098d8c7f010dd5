import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { type GroupName, membersOf } from './group.ts'

const listening = '0A'

/** Whether a process of the group listens on the port: somebody else who answers there is not the replica. */
export function groupListens(group: GroupName, port: number): boolean {
  const listeners = new Set([...listenersOn('/proc/net/tcp', port), ...listenersOn('/proc/net/tcp6', port)])
  return (
    listeners.size > 0 && membersOf(group).some(member => socketsOf(member.pid).some(inode => listeners.has(inode)))
  )
}

/** Inodes of the sockets that listen on the port. The kernel lists listening sockets first, so the thousands after them are not read. */
function listenersOn(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const found: string[] = []
  for (const row of rows(table)) {
    const fields = row.trim().split(/\s+/)
    const [, local = '', , state] = fields
    if (state !== listening) break
    if (local.endsWith(`:${wanted}`) && fields[9]) found.push(fields[9])
  }
  return found
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
    const chunk = Buffer.alloc(16_384)
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
