import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { SlipwayError } from '../../errors.ts'
import { hasProc } from './proc.ts'

/** First and last port of a range. */
export type PortRange = readonly [first: number, last: number]

/** Ports a replica holds. */
export interface HeldPorts {
  readonly instanceId: string
  readonly replicaId: string
  readonly ports: readonly number[]
}

/** Who has which port. A store-backed one shares the range with the router; the default one keeps it in memory. */
export interface PortReservations {
  /** What replicas hold, oldest first, told once before anything is reserved; whatever else replicas had reserved is free again. */
  restore(held: readonly HeldPorts[]): Promise<void>
  /**
   * Reserves that many ports which nobody has and for which `isFree` says yes, the one that was used longest ago first.
   * Throws `ports_exhausted`, with nothing reserved.
   */
  reserve(
    instanceId: string,
    replicaId: string,
    count: number,
    isFree: (port: number) => Promise<boolean>,
  ): Promise<number[]>
  /** Gives back what a replica has, if anything. */
  release(instanceId: string, replicaId: string): Promise<void>
}

/** Reservations in memory: a queue of the range's ports, taken at the front and put back at the end. */
export function portQueue(range: PortRange): PortReservations {
  let free = rotated(range, range[0] + Math.floor(Math.random() * (range[1] - range[0] + 1)))
  const held = new Map<string, readonly number[]>()
  return {
    async restore(records) {
      const newest = records.at(-1)?.ports.at(-1)
      // Goes on after the newest port: the order in which others were given back is not known any more.
      if (newest !== undefined) free = rotated(range, newest + 1)
      for (const { replicaId, ports } of records) held.set(replicaId, ports)
      const taken = new Set(records.flatMap(record => record.ports))
      free = free.filter(port => !taken.has(port))
    },
    async reserve(_instanceId, replicaId, count, isFree) {
      const ports: number[] = []
      const strangers: number[] = []
      while (ports.length < count) {
        const port = free.shift()
        if (port === undefined) {
          free.push(...ports, ...strangers)
          throw portsExhausted(range)
        }
        const usable = await isFree(port)
        ;(usable ? ports : strangers).push(port)
      }
      free.push(...strangers)
      held.set(replicaId, ports)
      return ports
    },
    async release(_instanceId, replicaId) {
      free.push(...(held.get(replicaId) ?? []).filter(port => port >= range[0] && port <= range[1]))
      held.delete(replicaId)
    },
  }
}

/** The error when a range has no free port left. */
export function portsExhausted([first, last]: PortRange): SlipwayError {
  return new SlipwayError('ports_exhausted', `No port from ${first} to ${last} is free.`, {
    next: 'Stop something, or give the process provider a larger portRange.',
  })
}

/** Whether nobody listens on the port: a bind, undone at once. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** Whether any port of the range can still be had. */
export async function someFree(host: string, [first, last]: PortRange): Promise<boolean> {
  for (let port = first; port <= last; port++) if (await isPortFree(host, port)) return true
  return false
}

/** The range the system takes ports of outgoing connections from. */
export function ephemeralRange(): PortRange {
  // The range that IANA gives, which is what others than Linux use.
  if (!hasProc) return [49_152, 65_535]
  const [first = 32_768, last = 60_999] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')
    .trim()
    .split(/\s+/)
    .map(Number)
  return [first, last]
}

/**
 * The range replicas get their ports from: the given one, else 30000 to 32700, or what lies beside the ephemeral range where a system has
 * that elsewhere. Throws `invalid_request` for a range in which an outgoing connection could take a replica's port.
 */
export function replicaRange(given: PortRange | undefined, ephemeral: PortRange = ephemeralRange()): PortRange {
  const range = given ?? defaultRange(ephemeral)
  const [first, last] = range
  const whole = Number.isInteger(first) && Number.isInteger(last)
  if (!whole || first < 1 || last > 65_535 || first > last) {
    throw new SlipwayError('invalid_request', `The portRange ${first} to ${last} is no range of ports.`, {
      next: 'Give two whole numbers from 1 to 65535, the lower one first.',
    })
  }
  if (first <= ephemeral[1] && last >= ephemeral[0]) {
    throw new SlipwayError(
      'invalid_request',
      `The portRange ${first} to ${last} overlaps the ports ${ephemeral[0]} to ${ephemeral[1]} that this system gives to outgoing connections.`,
      { next: 'Choose one outside, or change net.ipv4.ip_local_port_range.' },
    )
  }
  return range
}

function defaultRange([first, last]: PortRange): PortRange {
  if (first > 32_700 || last < 30_000) return [30_000, 32_700]
  return first > 65_535 - last ? [Math.max(1024, first - 2701), first - 1] : [last + 1, Math.min(65_535, last + 2701)]
}

function rotated([first, last]: PortRange, start: number): number[] {
  const size = last - first + 1
  const offset = (((start - first) % size) + size) % size
  return Array.from({ length: size }, (_, index) => first + ((index + offset) % size))
}
