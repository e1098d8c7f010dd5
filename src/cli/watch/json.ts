import type { Event, WatchReset } from '../../client/index.ts'

/** An event as a line for programs: the very object of the wire. */
export function jsonLine(event: Event | WatchReset): string {
  return `${JSON.stringify(event)}\n`
}
