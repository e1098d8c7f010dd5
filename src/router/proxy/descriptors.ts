import { readFileSync } from 'node:fs'

/** What node itself, the log, the lock, the control socket with its callers and the files of tables may need together. */
const reserved = 80
/** A client's connection, and the one to the replica that answers it. */
const perClient = 2

/** How many files, sockets and ports this process may have open. Node has raised the soft limit to the hard one. */
export function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch (error) {
    void error // because there is no /proc here; then the limit shows when it is met
    return Number.POSITIVE_INFINITY
  }
}

/** How many clients may be connected at once beside so many ports. 0: there is no room for another port. */
export function clientsFor(limit: number, ports: number): number {
  return Math.max(0, Math.floor((limit - reserved - ports) / perClient))
}
