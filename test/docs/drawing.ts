import type { Step, Table } from '../../src/deploy/step.ts'
import type { Strategy } from '../../src/deploy/strategy.ts'
import { input, service } from '../deploy/plan/scene.ts'

const old = [service('web', 'a', 3), service('worker', 'a', 2, { routed: false })]
const next = [service('web', 'b', 3), service('worker', 'b', 2, { routed: false })]

/** What the plan of a strategy does to a routed service of three replicas and a worker of two, as text: a line a step. */
export function drawingOf(strategy: Strategy, given: Record<string, unknown> = {}): string {
  const scene = input({ old, next, options: strategy.options?.(given) ?? given })
  const steps = strategy.plan?.(scene) ?? []
  const lines = [{ name: '', table: scene.table }, ...steps].map(lineOf)
  return `${[head, ...lines].join('\n')}\n`
}

const columns = [
  { service: 'web', revision: 'aaaaaa.1', title: 'web a' },
  { service: 'web', revision: 'bbbbbb.1', title: 'web b' },
  { service: 'worker', revision: 'aaaaaa.1', title: 'worker a' },
  { service: 'worker', revision: 'bbbbbb.1', title: 'worker b' },
]
const nameWidth = 56
const columnWidth = 12

const head = lineIn(
  '',
  columns.map(column => column.title),
)

function lineOf({ name, table }: Pick<Step, 'name' | 'table'>): string {
  return lineIn(
    name.replaceAll(/([ab])\1{5}/g, '$1'),
    columns.map(column => cellOf(table, column)),
  )
}

/** `●●● 75 %`: so many replicas with so much of the traffic. */
function cellOf(table: Table, { service, revision }: { service: string; revision: string }): string {
  const row = table.find(candidate => candidate.service === service && candidate.revision === revision)
  if (!row) return ''
  return `${'●'.repeat(row.replicas)}${service === 'web' ? ` ${row.weight} %` : ''}`
}

function lineIn(name: string, cells: readonly string[]): string {
  return [name.padEnd(nameWidth), ...cells.map(cell => cell.padEnd(columnWidth))].join('').trimEnd()
}
