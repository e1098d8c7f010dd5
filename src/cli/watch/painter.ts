import type { Writable } from 'node:stream'
import { widthOf } from '../shown.ts'

/** How large what is drawn on is now. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/**
 * Draws frames over each other, of fewer lines than the terminal has rows. Only lines that changed are written. A terminal that does not read holds the
 * newest frame back and nothing else; the frames between are never drawn.
 */
export class Painter {
  readonly #stream: Writable
  readonly #size: () => Size
  #drawn: readonly string[] = []
  #drawnAt: Size
  #next: readonly string[] | undefined
  #full = false
  readonly #drained = (): void => {
    this.#full = false
    const next = this.#next
    this.#next = undefined
    if (next) this.draw(next)
  }

  constructor(stream: Writable, size: () => Size) {
    this.#stream = stream
    this.#size = size
    this.#drawnAt = size()
  }

  /** Shows this frame in place of the one before, as soon as the terminal takes it. */
  draw(frame: readonly string[]): void {
    if (this.#full) {
      this.#next = frame
      return
    }
    const size = this.#size()
    const same = size.columns === this.#drawnAt.columns && size.rows === this.#drawnAt.rows
    const text = same ? this.#changes(frame) : this.#anew(frame, size)
    this.#drawn = [...frame]
    this.#drawnAt = size
    if (text === '' || this.#stream.write(text)) return
    this.#full = true
    this.#stream.once('drain', this.#drained)
  }

  /** Leaves this as the last frame, and the cursor below it. */
  end(frame: readonly string[]): void {
    this.#stream.off('drain', this.#drained)
    this.#full = false
    this.#next = undefined
    this.draw(frame)
    this.#stream.off('drain', this.#drained)
  }

  /** Writes lines above, which stay: what follows is drawn below them. */
  above(text: string): void {
    const frame = this.#next ?? this.#drawn
    this.#stream.write(`${up(this.#drawn.length)}\x1b[J${text}`)
    this.#drawn = []
    this.draw(frame)
  }

  #changes(frame: readonly string[]): string {
    const old = this.#drawn
    if (old.length === frame.length && old.every((line, at) => line === frame[at])) return ''
    // Cleared before it is written: after a line as wide as the terminal some would clear its last column.
    const lines = frame.map((line, at) => (line === old[at] ? '\r\n' : `\r\x1b[K${line}\r\n`))
    return up(old.length) + lines.join('') + (frame.length < old.length ? '\x1b[J' : '')
  }

  /** The terminal may have broken the lines anew: as many rows as they take now are taken back. */
  #anew(frame: readonly string[], { columns, rows }: Size): string {
    const taken = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0)
    return `${up(Math.min(taken, rows - 1))}\x1b[J${frame.map(line => `${line}\r\n`).join('')}`
  }
}

function up(lines: number): string {
  return lines > 0 ? `\r\x1b[${lines}A` : '\r'
}
