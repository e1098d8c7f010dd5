import type { Event } from '../event/event.ts'
import { wire } from '../wire.ts'

/** One message of a stream. */
export interface Frame {
  /** What `Last-Event-ID` says after it. */
  readonly id?: string
  /** Default: a message. */
  readonly event?: 'reset' | 'end'
  readonly data: unknown
}

/** The same event is the same message for everyone who is told of it. */
const told = new WeakMap<Event, Frame>()

export function frameOf(event: Event): Frame {
  const known = told.get(event)
  if (known) return known
  const frame = { id: String(event.seq), data: wire(event) }
  told.set(event, frame)
  return frame
}

/** Says that the reader has to read the state anew, and go on from there. */
export function resetTo(head: number): Frame {
  return { id: String(head), event: 'reset', data: { last_event_id: String(head) } }
}

/** A frame that many are told is put into bytes once. */
const encoded = new WeakMap<Frame, Uint8Array<ArrayBuffer>>()
const encoder = new TextEncoder()

export function bytesOf(frame: Frame): Uint8Array<ArrayBuffer> {
  const known = encoded.get(frame)
  if (known) return known
  const bytes = encoder.encode(textOf(frame))
  encoded.set(frame, bytes)
  return bytes
}

/** How soon a reader whose stream broke off comes again, and from where when it was told nothing until then. */
export function greetingAt(place?: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`retry: 2000\n${place === undefined ? '' : `id: ${place}\n`}\n`)
}

/** Says nothing, so that nobody takes the stream for dead. */
export const comment: Uint8Array<ArrayBuffer> = encoder.encode(': still here\n\n')

function textOf({ id, event, data }: Frame): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    `data: ${JSON.stringify(data)}`,
  ]
  return `${lines.join('\n')}\n\n`
}
