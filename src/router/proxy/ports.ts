import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { SlipwayError } from '../../errors.ts'

/** First and last port of a range. */
export type PortRange = readonly [number, number]

/** Candidates, best first. None touches 30000 to 32767, where replicas live. */
const candidates: readonly PortRange[] = [
  [20_000, 29_999],
  [10_000, 19_999],
  [61_000, 65_535],
]

/** The first candidate from which the kernel does not take ports for outgoing connections; the first of all when it takes them from everywhere. */
export function defaultPortRange(ephemeral: PortRange = ephemeralRange()): PortRange {
  const clear = candidates.find(([first, last]) => last < ephemeral[0] || first > ephemeral[1])
  return clear ?? (candidates[0] as PortRange)
}

function ephemeralRange(): PortRange {
  try {
    const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
    return [first ?? 32_768, last ?? 60_999]
  } catch (error) {
    void error // because this is not Linux; the range IANA gives is what others use
    return [49_152, 65_535]
  }
}

/** Hands out ports of a range one after the other, so that one given back is reused last. Throws `ports_exhausted`. */
export function portAllocator(
  [first, last]: PortRange,
  isFree: (port: number) => Promise<boolean> = nobodyListens,
): (taken: ReadonlySet<number>) => Promise<number> {
  const size = last - first + 1
  let next = Math.floor(Math.random() * size)
  return async taken => {
    for (let tries = 0; tries < size; tries++) {
      const port = first + (next++ % size)
      if (!taken.has(port) && (await isFree(port))) return port
    }
    throw new SlipwayError('ports_exhausted', `No port from ${first} to ${last} is free for a service.`, {
      next: 'Widen the router’s port range, or delete instances that are not needed.',
    })
  }
}

async function nobodyListens(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
    })
    return true
  } catch (error) {
    void error // because a port that cannot be bound is the answer
    return false
  } finally {
    await new Promise<void>(resolve => void server.close(() => resolve()))
  }
}
