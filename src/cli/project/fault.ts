import { SlipwayError } from '../../errors.ts'

/** Where in a text, counted from 1 as editors do. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** One thing that is wrong with a project file, and where. */
export interface Fault extends Place {
  /** The keys that lead there: `services[0].replicas`. Empty for the file as a whole. */
  readonly key: string
  readonly message: string
}

/** A project file that says something it may not: every fault in it at once, each with its line. */
export class ProjectError extends SlipwayError {
  /** The file, as it is told to people. */
  readonly file: string
  readonly faults: readonly Fault[]

  constructor(
    file: string,
    text: string,
    faults: readonly Fault[],
    next = 'Every key is told of in docs/slipway-yaml.md.',
  ) {
    const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`
    super('invalid_request', `${file} has ${count}.`, {
      next,
      fields: told(file, text, faults),
    })
    this.name = 'ProjectError'
    this.file = file
    this.faults = faults
  }
}

/** Faults are told in the order of the file, and no more of them than somebody reads. */
const mostTold = 50

function told(file: string, text: string, faults: readonly Fault[]): { pointer: string; detail: string }[] {
  const lines = text.split(/\r?\n/)
  return faults.slice(0, mostTold).map(fault => ({
    pointer: `${file}:${fault.line}:${fault.column}`,
    detail: [plain(fault.key === '' ? fault.message : `${fault.key} ${fault.message}`), ...excerpt(lines, fault)].join(
      '\n',
    ),
  }))
}

/** How much of a line is shown around a fault. */
const mostShown = 100

/** The line with a caret below the place. */
function excerpt(lines: readonly string[], { line, column }: Place): string[] {
  const whole = lines[line - 1] ?? ''
  const from = Math.max(0, Math.min(column - 1, whole.length) - mostShown / 2)
  const part = plain(whole.slice(from, from + mostShown))
  const number = String(line)
  return [
    `    ${number} | ${part}`,
    `    ${' '.repeat(number.length)} | ${' '.repeat(Math.max(0, column - 1 - from))}^`,
  ]
}

/** What others wrote, so that it moves no cursor and stays below its caret. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, ' ')
}

/** A path of keys as it is told: `services[0].health_check.path`. */
export function keyOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (key, part) =>
      typeof part === 'number' ? `${key}[${part}]` : key === '' ? String(part) : `${key}.${String(part)}`,
    '',
  )
}
