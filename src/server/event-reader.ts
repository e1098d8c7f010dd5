import type { EventBus } from '../event/bus.ts'
import type { EventFilter } from '../event/look.ts'
import type { EventReaders, Follower } from './event-readers.ts'
import { bytesOf, comment, frameOf, greetingAt, resetTo } from './frame.ts'
import type { Outlet, OutletOwner } from './outlet.ts'
import { stalledBeats } from './stream.ts'

/** A reader so far behind is better off reading the state anew. */
const mostBehind = 10_000
/** A reader that took so long for what it was given may be behind, milliseconds. */
const slowMs = 5_000

/** What a reader reads with. */
export interface ReaderParts {
  readonly readers: EventReaders
  readonly bus: Pick<EventBus, 'look'>
  /** Whether everything after a place is in the log. */
  readonly reaches: (place: number) => Promise<boolean>
  /** The place of the newest event. */
  readonly head: () => Promise<number>
  readonly beatMs: number
  /** Whether the caller may still listen; asked at every beat. */
  readonly allowed: () => Promise<boolean>
  /** Told once, when it is over. */
  readonly ended: (why: 'over' | 'reset' | 'stalled') => void
}

/**
 * One who listens to the events after a place. It reads the log until it has caught up, and is told with all others from then on. When its
 * connection takes no more it falls behind: nothing is kept for it but its place, from which it reads on when it can.
 */
export class EventReader implements Follower, OutletOwner {
  readonly filter: EventFilter
  readonly #parts: ReaderParts
  #place: number
  #outlet: Outlet | undefined
  #state: 'reading' | 'told' | 'full' | 'ended' = 'reading'
  #fullSince = 0
  #unread = 0
  #beats: NodeJS.Timeout | undefined

  constructor(filter: EventFilter, place: number, parts: ReaderParts) {
    this.filter = filter
    this.#place = place
    this.#parts = parts
  }

  get place(): number {
    return this.#place
  }

  open(outlet: Outlet): void {
    this.#outlet = outlet
    if (this.#state === 'ended') return outlet.end()
    this.#beats = setInterval(() => void this.#beat(), this.#parts.beatMs).unref()
    outlet.write(greetingAt(String(this.#place)))
    this.#begin().catch(() => this.#fail())
  }

  hand(seq: number, bytes: Uint8Array): void {
    if (seq <= this.#place) return
    this.#place = seq
    if (this.#outlet?.write(bytes) === false) this.#fill()
  }

  ready(): void {
    this.#unread = 0
    if (this.#state === 'full') this.#read().catch(() => this.#fail())
  }

  gone(): void {
    this.#over('over')
  }

  dismiss(): void {
    if (this.#isOver()) return
    this.#over('over')
    this.#outlet?.end()
  }

  async #begin(): Promise<void> {
    await ((await this.#parts.reaches(this.#place)) ? this.#read() : this.#reset())
  }

  /** It has no place in the log any more. */
  async #reset(): Promise<void> {
    const head = await this.#parts.head()
    if (this.#isOver()) return
    this.#outlet?.write(bytesOf(resetTo(head)))
    this.#over('reset')
    this.#outlet?.end()
  }

  /** Reads on until there is no more, then waits with all others. */
  async #read(): Promise<void> {
    const { readers, bus } = this.#parts
    this.#state = 'reading'
    if (await this.#isTooFarBehind()) return await this.#reset()
    await readers.begin()
    while (this.#state === 'reading') {
      const seen = await bus.look(this.filter, this.#place)
      if (this.#isOver()) return
      if (seen.gone !== undefined) return await this.#reset()
      for (const event of seen.events) {
        this.#place = event.seq
        // What was read and not taken is let go, and read again when there is room.
        if (this.#outlet?.write(bytesOf(frameOf(event))) === false) return this.#fill()
      }
      this.#place = seen.upTo
      if (!seen.more && readers.join(this)) this.#state = 'told'
    }
  }

  async #isTooFarBehind(): Promise<boolean> {
    const slow = this.#fullSince > 0 && performance.now() - this.#fullSince >= slowMs
    this.#fullSince = 0
    return slow && (await this.#parts.head()) - this.#place > mostBehind
  }

  /** The connection takes no more: what comes now is read from the log later. */
  #fill(): void {
    if (this.#state === 'told') this.#place = this.#parts.readers.leave(this)
    this.#state = 'full'
    this.#fullSince = performance.now()
  }

  async #beat(): Promise<void> {
    const behind = this.#state === 'full'
    this.#unread = behind ? this.#unread + 1 : 0
    if (this.#unread >= stalledBeats) {
      this.#over('stalled')
      return this.#outlet?.cut()
    }
    if (!behind && this.#outlet?.write(comment) === false && this.#state === 'told') this.#fill()
    if (!(await this.#parts.allowed())) this.dismiss()
  }

  #fail(): void {
    this.#over('over')
    this.#outlet?.cut()
  }

  #isOver(): boolean {
    return this.#state === 'ended'
  }

  #over(why: 'over' | 'reset' | 'stalled'): void {
    if (this.#isOver()) return
    this.#parts.readers.leave(this)
    this.#state = 'ended'
    clearInterval(this.#beats)
    this.#parts.ended(why)
  }
}
