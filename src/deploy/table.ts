import { SlipwayError } from '../errors.ts'
import type { Move, Revision, Row, Step, Table } from './step.ts'
import type { PlannedService } from './strategy.ts'

/** The row of one revision of a service. */
export function rowOf(table: Table, service: string, revision: Revision): Row | undefined {
  return table.find(row => row.service === service && row.revision === revision)
}

/** The rows of a service. */
export function rowsOf(table: Table, service: string): Row[] {
  return table.filter(row => row.service === service)
}

/** How many replicas the rows ask for. */
export function replicasOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + row.replicas, 0)
}

/** Whether two tables want the same, in any order. When a warm row expires is no part of it. */
export function sameTable(a: Table, b: Table): boolean {
  return a.length === b.length && a.every(row => sameRow(row, rowOf(b, row.service, row.revision)))
}

function sameRow(a: Row, b: Row | undefined): boolean {
  return b !== undefined && a.replicas === b.replicas && a.weight === b.weight && a.release === b.release
}

/**
 * The table after a move; the one definition of what a step wants. Run adds a row or raises it, retire lowers it or removes it, route
 * sets weights on rows that exist; the other moves change nothing. A warm row that is run or gets weight is taken over: it no longer expires.
 *
 * @example
 * next(table, { kind: 'retire', service: 'web', revision: '9f3c1a07be21d504.1', replicas: 0 })
 */
export function next(table: Table, move: Move): Table {
  switch (move.kind) {
    case 'run': {
      const { service, revision, replicas, release } = move
      const there = rowOf(table, service, revision)
      if (!there) return [...table, { service, revision, replicas, weight: 0, release }]
      return table.map(row =>
        row === there ? lasting({ ...row, replicas: Math.max(row.replicas, replicas), release }) : row,
      )
    }
    case 'retire':
      return table.flatMap(row => {
        if (row.service !== move.service || row.revision !== move.revision) return [row]
        return move.replicas < 1 ? [] : [{ ...row, replicas: Math.min(row.replicas, move.replicas) }]
      })
    case 'route':
      return table.map(row => {
        const weights = move.weights[row.service]
        if (!weights) return row
        const weight = weights[row.revision] ?? 0
        return weight > 0 ? lasting({ ...row, weight }) : { ...row, weight }
      })
    case 'prepare':
    case 'task':
    case 'hold':
    case 'pause':
      break
  }
  return table
}

function lasting({ service, revision, replicas, weight, release }: Row): Row {
  return { service, revision, replicas, weight, release }
}

/** A table without its warm rows: those of routed services that have no traffic. Only for a table at rest. */
export function withoutWarm(table: Table, services: readonly PlannedService[]): Table {
  return table.filter(row => !isWarm(row, services))
}

/** Whether this is something a deployment brings, warm or not, as opposed to what served before. */
export function isNew(
  { service, revision }: Pick<Row, 'service' | 'revision'>,
  { old, next }: { readonly old: readonly PlannedService[]; readonly next: readonly PlannedService[] },
): boolean {
  const isOf = (services: readonly PlannedService[]): boolean =>
    services.some(one => one.name === service && one.revision === revision)
  return isOf(next) && !isOf(old)
}

function isWarm(row: Row, services: readonly PlannedService[]): boolean {
  return row.weight === 0 && services.some(service => service.name === row.service && service.routed)
}

/**
 * The table that the transaction writes which ends a deployment well. From then on each row of the release reached is kept by that release's
 * spec, even where only the health check or the grace changed and the plan had no step for it; a warm row that has no end yet gets one.
 *
 * @param services the release reached, as it was planned
 */
export function settle(
  table: Table,
  services: readonly PlannedService[],
  { keepUntil }: { keepUntil?: string } = {},
): Table {
  return table.map(row => {
    if (isWarm(row, services)) {
      const until = row.keepUntil ?? keepUntil
      return until === undefined ? row : { ...row, keepUntil: until }
    }
    const reached = services.find(service => service.name === row.service && service.revision === row.revision)
    return lasting(reached ? { ...row, release: reached.release } : row)
  })
}

/**
 * Refuses a step that does not follow from the table before it, or that no table may want: the guard in front of custom strategies.
 *
 * @param exclusives names of the services of which two revisions must never run at once
 * @throws SlipwayError `bad_step`
 */
export function checkStep(previous: Table, step: Step, exclusives: ReadonlySet<string> = new Set()): void {
  const fault = faultOfMove(previous, step, exclusives) ?? faultOfTable(previous, step)
  if (fault === undefined) return
  throw new SlipwayError('bad_step', `Step "${step.name}" was refused: ${fault}.`, {
    next: 'Build the steps of a strategy with stepsFrom(table, moves); it makes each table from the one before.',
  })
}

function faultOfMove(previous: Table, step: Step, exclusives: ReadonlySet<string>): string | undefined {
  if (step.kind === 'run') {
    const { service, revision, replicas } = step
    if (!Number.isInteger(replicas) || replicas < 1) return `it runs ${replicas} replicas, and a row needs at least 1`
    const other = previous.find(row => row.service === service && row.revision !== revision)
    if (exclusives.has(service) && other) return `${service} is exclusive and its revision ${other.revision} still runs`
  }
  if (step.kind === 'retire' && (!Number.isInteger(step.replicas) || step.replicas < 0)) {
    return `it leaves ${step.replicas} replicas, and a count is a whole number from 0`
  }
  if (step.kind === 'route') {
    for (const [service, weights] of Object.entries(step.weights)) {
      for (const [revision, weight] of Object.entries(weights)) {
        if (!Number.isInteger(weight) || weight < 0 || weight > 100) {
          return `the weight of ${service} ${revision} is ${weight}, and weights are whole percents from 0 to 100`
        }
        if (weight > 0 && !rowOf(previous, service, revision))
          return `${service} has no revision ${revision} to route to`
      }
    }
  }
  return undefined
}

function faultOfTable(previous: Table, step: Step): string | undefined {
  const wanted = next(previous, step)
  const same =
    sameTable(wanted, step.table) &&
    wanted.every(row => rowOf(step.table, row.service, row.revision)?.keepUntil === row.keepUntil)
  if (!same) return `its table is not what a ${step.kind} makes of the table before it`
  for (const service of new Set(wanted.map(row => row.service))) {
    const sum = rowsOf(wanted, service).reduce((weights, row) => weights + row.weight, 0)
    if (sum !== 0 && sum !== 100)
      return `the weights of ${service} would sum to ${sum}, and they sum to 100, or to 0 without traffic`
  }
  return undefined
}
