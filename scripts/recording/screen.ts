import headless from '@xterm/headless'

/** Characters of one look, and the column they begin at. */
export interface Run {
  readonly column: number
  readonly text: string
  /** One of the eight colours of ANSI; absent: that of plain text. */
  readonly color?: number
  readonly bold?: true
  readonly dim?: true
}

/** What a terminal shows: of each row the runs that are not blank. */
export type Screen = readonly (readonly Run[])[]

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** What a program wrote at once, and when. */
export interface Piece {
  readonly atMs: number
  readonly text: string
}

export interface TimedScreen {
  readonly atMs: number
  readonly screen: Screen
}

/** What a terminal of this size shows after each piece that a program wrote. */
export async function screensOf(pieces: readonly Piece[], { columns, rows }: Size): Promise<TimedScreen[]> {
  const terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true })
  const screens: TimedScreen[] = []
  for (const { atMs, text } of pieces) {
    await new Promise<void>(done => {
      terminal.write(text, done)
    })
    screens.push({ atMs, screen: screenOf(terminal) })
  }
  terminal.dispose()
  return screens
}

function screenOf({ buffer: { active }, rows, cols }: headless.Terminal): Screen {
  return Array.from({ length: rows }, (_, row) => {
    const line = active.getLine(active.baseY + row)
    const runs: Run[] = []
    for (let column = 0; column < cols; column++) {
      const cell = line?.getCell(column)
      const text = cell?.getChars() ?? ''
      if (!cell || text === '' || text === ' ') continue
      const look: Omit<Run, 'column' | 'text'> = {
        ...(cell.isFgPalette() ? { color: cell.getFgColor() % 8 } : {}),
        ...(cell.isBold() ? { bold: true } : {}),
        ...(cell.isDim() ? { dim: true } : {}),
      }
      const last = runs.at(-1)
      const gap = last ? column - last.column - last.text.length : 2
      // One blank belongs to what is around it; two part it.
      if (last && gap < 2 && looksLike(last, look)) {
        runs[runs.length - 1] = { ...last, text: last.text + ' '.repeat(gap) + text }
      } else runs.push({ column, text, ...look })
    }
    return runs
  })
}

function looksLike(run: Run, look: Omit<Run, 'column' | 'text'>): boolean {
  return run.color === look.color && run.bold === look.bold && run.dim === look.dim
}

/** A screen as people read it. */
export function textOf(screen: Screen): string {
  return screen
    .map(runs => runs.reduce((line, { column, text }) => line.padEnd(column) + text, ''))
    .join('\n')
    .trimEnd()
}
