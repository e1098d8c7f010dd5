import type { SpanHealth } from '../deploy/history.ts'
import type { Row, Table } from '../deploy/step.ts'
import type { Instance } from '../instance/instance.ts'
import { readyOf, rowKey } from './difference.ts'
import type { View } from './keeper.ts'

/** How a service, or a whole instance, is: what is ready of what should be. */
export interface Pulse {
  readonly health: SpanHealth
  readonly ready: number
  readonly want: number
}

/** How an instance is, and each of its services. */
export interface InstancePulse extends Pulse {
  readonly services: Readonly<Record<string, Pulse>>
}

/**
 * How an instance is by what its keeper sees. What gets traffic counts: warm rows, and those of a canary that has none yet, do not. Undefined
 * where nobody can tell yet: replicas were found that have not answered a probe.
 */
export function pulseOf(instance: Pick<Instance, 'state' | 'services'>, view: View): InstancePulse | undefined {
  if (!isToRun(instance)) return { health: 'stopped', ready: 0, want: 0, services: {} }
  const names = new Set([...instance.services.map(({ name }) => name), ...view.table.map(row => row.service)])
  const services: Record<string, Pulse> = {}
  for (const name of names) {
    const one = servicePulse(view.table, name, view)
    if (!one) return undefined
    services[name] = one
  }
  const all = Object.values(services)
  return {
    health: worst(all),
    ready: all.reduce((sum, one) => sum + one.ready, 0),
    want: all.reduce((sum, one) => sum + one.want, 0),
    services,
  }
}

function isToRun({ state }: Pick<Instance, 'state'>): boolean {
  return state === 'running' || state === 'failed'
}

function servicePulse(table: Table, service: string, view: View): Pulse | undefined {
  const rows = table.filter(row => row.service === service)
  const serving = rows.some(row => row.weight > 0) ? rows.filter(row => row.weight > 0) : rows
  const want = serving.reduce((sum, row) => sum + row.replicas, 0)
  if (!view.observed) return { health: 'unknown', ready: 0, want }
  const ready = serving.reduce((sum, row) => sum + Math.min(row.replicas, servingOf(row, view)), 0)
  if (want > 0 && ready >= want) return { health: 'ready', ready, want }
  if (serving.some(row => isUntold(row, view))) return undefined
  return { health: ready > 0 ? 'partly' : 'down', ready, want }
}

function servingOf(row: Row, view: View): number {
  const serving = view.replicas.filter(({ replica, serving }) => rowKey(replica) === rowKey(row) && serving).length
  return Math.max(serving, readyOf(row, view))
}

/** Whether replicas of the row run of which nothing was heard yet. */
function isUntold(row: Row, view: View): boolean {
  return view.replicas.some(
    ({ replica, health, serving }) =>
      rowKey(replica) === rowKey(row) && replica.state === 'running' && health === 'unknown' && !serving,
  )
}

/** One service that is down makes the instance partly down; all of them make it down. */
function worst(services: readonly Pulse[]): SpanHealth {
  const is = (health: SpanHealth) => services.filter(one => one.health === health).length
  if (is('unknown') > 0) return 'unknown'
  if (is('ready') === services.length) return 'ready'
  return is('down') === services.length ? 'down' : 'partly'
}
