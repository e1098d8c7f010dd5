import type { Output } from '../../cli/world.ts'
import { blockLines } from './block.ts'
import { changeLines } from './changes.ts'
import { finalTable, finishedLines } from './finish.ts'
import { type Line, paint } from './line.ts'
import type { DemoEnd, DemoState } from './state.ts'

/** Where it is drawn. */
export type ScreenOutput = Pick<Output, 'write' | 'isTty' | 'columns' | 'rows'>

export interface Screen {
  /** Draws the state over the last one, or prints what changed. Call it as often as you like. */
  show(state: DemoState): void
  /** Prints the final table. `show` may go on after it. */
  end(end: DemoEnd): void
  /** Erases what `show` drew last, and gives the cursor back. */
  close(): void
}

const hideCursor = '\u001B[?25l'
const showCursor = '\u001B[?25h'

/** A block that is drawn again and again on a terminal; plain lines anywhere else. Colours only on a terminal, and not with NO_COLOR. */
export function createScreen(output: ScreenOutput, env: Readonly<Record<string, string | undefined>>): Screen {
  const terminal = output.isTty && env['TERM'] !== 'dumb'
  const color = terminal && !env['NO_COLOR']
  const write = (lines: readonly Line[], width: number): string =>
    lines.map(line => `${paint(line, width, color)}\n`).join('')
  return terminal ? drawn(output, write) : printed(output, write)
}

// What stays is never cut: the terminal wraps it, and nothing of the table is lost.
const unlimited = Number.MAX_SAFE_INTEGER

type Write = (lines: readonly Line[], width: number) => string

function printed(output: ScreenOutput, write: Write): Screen {
  let last: DemoState | undefined
  return {
    show(state) {
      const lines = changeLines(last, state)
      last = state
      if (lines.length > 0) output.write(write(lines, unlimited))
    },
    end: end => output.write(`\n${write(finalTable(end), unlimited)}`),
    close: () => undefined,
  }
}

function drawn(output: ScreenOutput, write: Write): Screen {
  let block: readonly Line[] = []
  let drawnWidth = 0
  let finished = 0
  let hidden = false
  // A column is left free: some terminals wrap a line that is exactly full.
  const width = (): number => Math.max(20, output.columns - 1)
  const erase = (): string => {
    // After the terminal became narrower, a line we drew takes several rows.
    const rows = block.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(paint(line, drawnWidth, false).length / (width() + 1))),
      0,
    )
    return rows === 0 ? '' : `\u001B[${rows}A\r\u001B[J`
  }
  return {
    show(state) {
      const above = state.finished.slice(finished).flatMap(deployment => finishedLines(deployment, state.acts))
      const next = blockLines(state).slice(0, Math.max(1, output.rows - 1))
      const text = `${hidden ? '' : hideCursor}${erase()}${write(above, unlimited)}${write(next, width())}`
      finished = state.finished.length
      hidden = true
      block = next
      drawnWidth = width()
      output.write(text)
    },
    end(end) {
      output.write(`${erase()}${write(finalTable(end), unlimited)}\n`)
      block = []
    },
    close() {
      if (hidden) output.write(`${erase()}${showCursor}`)
      hidden = false
      block = []
    },
  }
}
