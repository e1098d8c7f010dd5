import { count, duration, type Line, span, type Tone } from './line.ts'
import type { DemoEnd, FinishedDeployment } from './state.ts'

/** Whether a deployment ended the way the scenario said, with nothing lost on the way. */
export function wentWell(deployment: FinishedDeployment): boolean {
  return endedAsExpected(deployment) && deployment.lost === 0
}

/** The same, whatever the load lost meanwhile. */
export function endedAsExpected({ state, expected, cause, expectedCause, restored }: FinishedDeployment): boolean {
  const serves = state === 'succeeded' || state === 'rolled_back' || restored === true
  return serves && state === expected && cause === expectedCause
}

/** What stays on the screen of a deployment that ended: one line, and one more that says why when it did not succeed. */
export function finishedLines(deployment: FinishedDeployment, acts: number): Line[] {
  const { act, what, strategy, ms, sent, lost, error } = deployment
  return [
    [
      mark(deployment),
      span(` ${act}/${acts}  `, 'dim'),
      span(`${what} by ${strategy}: `),
      span(stateText(deployment), stateTone(deployment)),
      span(` in ${duration(ms)}, ${count(sent)} requests, `),
      span(`${count(lost)} lost`, lost > 0 ? 'bad' : 'plain'),
    ],
    ...(error === undefined ? [] : [[span(`        ${error}`, 'dim')]]),
  ]
}

/** The table at the end, and the sum under it. */
export function finalTable(end: DemoEnd): Line[] {
  const head = ['', 'deployment', 'strategy', 'state', 'took', 'requests', 'lost']
  const rows = end.finished.map(deployment => ({
    deployment,
    cells: [
      String(deployment.act),
      deployment.what,
      deployment.strategy,
      stateText(deployment),
      duration(deployment.ms),
      count(deployment.sent),
      count(deployment.lost),
    ],
  }))
  const widths = head.map((text, column) =>
    Math.max(...[head, ...rows.map(row => row.cells)].map(cells => (cells[column] ?? text).length)),
  )
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 || column > 3 ? text.padStart(width) : text.padEnd(width)
  }
  return [
    [span(`   ${head.map(cell).join('  ')}`, 'dim')],
    ...rows.map(({ deployment, cells }) => [
      mark(deployment),
      ...cells.map((text, column) =>
        span(`${column === 0 ? ' ' : '  '}${cell(text, column)}`, cellTone(deployment, column)),
      ),
    ]),
    [],
    ...sumLines(end),
  ]
}

/** The last lines, when nothing is left of what was started: the sum, and what was lost since the table. */
export function lastLines({ sent, lost, losses }: DemoEnd): Line[] {
  return [
    ...lossLines(losses),
    [
      span(` ${count(sent)} requests sent, `),
      span(`${count(lost)} lost`, lost > 0 ? 'bad' : 'good'),
      span('; everything that was started is removed'),
    ],
  ]
}

function sumLines(end: DemoEnd): Line[] {
  const unexpected = end.finished.filter(deployment => !endedAsExpected(deployment))
  return [
    [
      span(` requests sent: ${count(end.sent)}, `, 'strong'),
      span(`requests lost: ${count(end.lost)}`, end.lost > 0 ? 'bad' : 'good'),
      span(end.appErrors > 0 ? `, errors the application answered itself: ${count(end.appErrors)}` : ''),
    ],
    ...(end.rollbackMs === undefined
      ? []
      : [[span(` warm rollback: ${duration(end.rollbackMs)} to the last request on the old release`)]]),
    ...unexpected.map(
      (deployment): Line => [
        span(` ${deployment.act} ended ${stateText(deployment)}${because(deployment.cause)}, `, 'bad'),
        span(`expected was ${deployment.expected}${because(deployment.expectedCause)}`, 'bad'),
      ],
    ),
    ...lossLines(end.losses),
  ]
}

function lossLines(losses: readonly string[]): Line[] {
  return losses.map(loss => [span(` lost at ${loss}`, 'bad')])
}

function mark(deployment: FinishedDeployment) {
  return wentWell(deployment) ? span(' ✔', 'good') : span(' ✘', 'bad')
}

function stateText({ state, restored }: FinishedDeployment): string {
  if (restored === undefined || state === 'succeeded') return state
  return `${state}, ${restored ? 'restored' : 'not restored'}`
}

function because(cause: string | undefined): string {
  return cause === undefined ? '' : ` (${cause})`
}

function stateTone(deployment: FinishedDeployment): Tone {
  if (!wentWell(deployment)) return 'bad'
  return deployment.state === 'succeeded' ? 'good' : 'warn'
}

function cellTone(deployment: FinishedDeployment, column: number): Tone {
  if (column === 3) return stateTone(deployment)
  return column === 6 && deployment.lost > 0 ? 'bad' : 'plain'
}
