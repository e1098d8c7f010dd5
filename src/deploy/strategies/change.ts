import { digestOf } from '../revision.ts'
import type { Revision, Row, Table } from '../step.ts'
import type { PlanInput, PlannedService } from '../strategy.ts'
import { rowOf, rowsOf } from '../table.ts'
import { dependenciesOf, dependencyOrder } from './order.ts'

/** What becomes of one service in a plan. */
export interface Change {
  readonly name: string
  /**
   * `added`: nothing of it serves now. `scaled`: the same revision, another count. `changed`: another revision, or traffic that is
   * still shared after a failed undo. `same`: no part in the plan.
   */
  readonly kind: 'same' | 'scaled' | 'added' | 'removed' | 'changed'
  /** Whether the side to reach has a port. */
  readonly routed: boolean
  /** Whether the side it comes from had one. */
  readonly wasRouted: boolean
  /**
   * Whether it is new where traffic goes, so that what depends on it has to wait until it is up: added, or with its first port. (An
   * exclusive one with its first port keeps its own place, late, when nothing waits for it.)
   */
  readonly arrives: boolean
  /** On either side: two revisions of it must never run at once. */
  readonly exclusive: boolean
  /** The rows to reach. One, except in an undo to a table in which traffic was shared. */
  readonly target: readonly Row[]
  /** What of the target is in the table already. */
  readonly there: readonly Row[]
  /** Rows that serve and go. */
  readonly leaving: readonly Row[]
  /** Warm rows that the target does not take over. */
  readonly spare: readonly Row[]
  /** The revision that was active before: the only one that may stay warm. */
  readonly before?: Revision
  /** The revision whose `before` command has to run. */
  readonly task?: Revision
  /** Whether that command can run at once: nothing the service depends on is brought up by this plan. */
  readonly taskFirst: boolean
  /** Whether it is part of an undo, which also puts back the spec that rows are kept by. */
  readonly restores: boolean
}

/** All changes of a plan. */
export interface Changes {
  /** What the release has, in its dependency order. */
  readonly up: readonly Change[]
  /** What something old may call until it is gone itself: removed services and lost ports, dependents first. */
  readonly ending: readonly Change[]
}

/** The rows a release reaches: all traffic on one revision of each service. */
export function targetOf(services: readonly PlannedService[]): Table {
  return services.map(({ name, revision, replicas, routed, release }) => ({
    service: name,
    revision,
    replicas,
    weight: routed ? 100 : 0,
    release,
  }))
}

/** What becomes of each service between the table and the target (default: that of the release to reach). */
export function changesOf(input: PlanInput, target: Table = targetOf(input.next)): Changes {
  const names = new Set(
    [
      dependencyOrder(input.next).map(service => service.name),
      dependencyOrder(input.old).map(service => service.name),
      [...input.table, ...target].map(row => row.service),
    ].flat(),
  )
  const all = [...names].map(name => changeOf(name, input, rowsOf(target, name)))
  const moving = all.filter(change => change.kind !== 'same').map(change => dependenciesOf(change.name, input.next))
  const placed = all.map(change => {
    const awaited = moving.some(dependencies => dependencies.has(change.name))
    return { ...change, arrives: change.kind === 'added' || (gainsPort(change) && (!change.exclusive || awaited)) }
  })
  const arriving = new Set(placed.filter(change => change.arrives).map(change => change.name))
  const tasked = placed.map(change => {
    const dependencies = dependenciesOf(change.name, input.next)
    return { ...change, taskFirst: !change.exclusive && arriving.isDisjointFrom(dependencies) }
  })
  return {
    up: tasked.filter(change => change.target.length > 0),
    ending: callersFirst(tasked.filter(change => change.target.length === 0 || lostPort(change)).reverse(), input.old),
  }
}

/** Each change after those of the services that called it; removed services last where that leaves a choice. */
function callersFirst(ending: readonly Change[], old: readonly PlannedService[]): Change[] {
  const called = ending.map(change => {
    const callers = old.filter(service => dependenciesOf(service.name, old).has(change.name))
    return { name: change.name, dependsOn: callers.map(service => service.name), change }
  })
  const lostFirst = called.toSorted((a, b) => Number(lostPort(b.change)) - Number(lostPort(a.change)))
  return dependencyOrder(lostFirst).map(({ change }) => change)
}

/** Whether a service goes on without its port. */
export function lostPort(change: Change): boolean {
  return change.kind === 'changed' && change.wasRouted && !change.routed && !change.exclusive
}

function gainsPort({ kind, routed, wasRouted }: Change): boolean {
  return kind === 'changed' && routed && !wasRouted
}

/** Whether a plan brings another release's content: more than counts. */
export function bringsContent({ up, ending }: Changes): boolean {
  return [...up, ...ending].some(change => change.kind !== 'same' && change.kind !== 'scaled')
}

/** Whether there is nothing to do but, perhaps, to retire warm rows. */
export function isIdle({ up, ending }: Changes): boolean {
  return [...up, ...ending].every(change => change.kind === 'same')
}

/** Whether a service that serves now is changed or goes: without one, a pause has nothing to wait for. */
export function replacesSomething({ up, ending }: Changes): boolean {
  return [...up, ...ending].some(change => change.kind === 'changed' || change.kind === 'removed')
}

function changeOf(name: string, input: PlanInput, target: readonly Row[]): Change {
  const old = input.old.find(service => service.name === name)
  const next = input.next.find(service => service.name === name)
  const rows = rowsOf(input.table, name)
  const there = rows.filter(row => rowOf(target, name, row.revision))
  const routed = [...target, ...there].some(row => row.weight > 0)
  const wasRouted = old?.routed ?? (routed || rows.some(row => row.weight > 0))
  const serving = wasRouted ? rows.filter(row => row.weight > 0) : rows
  const others = rows.filter(row => !rowOf(target, name, row.revision))
  const restores = input.mode === 'undo'
  // An undo puts traffic right first, so it has no warm rows to clear away: whatever is not of the base goes at the end.
  const leaves = (row: Row): boolean => restores || serving.includes(row)
  const change: Omit<Change, 'kind'> = {
    name,
    routed,
    wasRouted,
    exclusive: old?.exclusive === true || next?.exclusive === true,
    target,
    there,
    leaving: others.filter(leaves),
    spare: others.filter(row => !leaves(row)),
    restores,
    arrives: false,
    taskFirst: false,
    ...(old ? { before: old.revision } : {}),
  }
  const kind = kindOf(change, serving)
  const isNew =
    kind === 'added' || (kind === 'changed' && (!old || !next || digestOf(old.revision) !== digestOf(next.revision)))
  const task = input.mode === 'deploy' && next?.before === true && isNew ? { task: next.revision } : {}
  return { ...change, kind, ...task }
}

function kindOf(change: Omit<Change, 'kind'>, serving: readonly Row[]): Change['kind'] {
  const { name, target, there, leaving, spare, restores } = change
  if (target.length === 0) return leaving.length + spare.length > 0 ? 'removed' : 'same'
  if (leaving.length === 0 && there.length === target.length) {
    const pairs = target.map(row => ({ row, now: rowOf(there, name, row.revision) }))
    // A row that is only kept by another release needs no step on the way up (the end writes it); an undo puts the old spec back first,
    // because the new one's health check may be what failed.
    const sameSpec = !restores || pairs.every(({ row, now }) => row.release === now?.release)
    if (sameSpec && pairs.every(({ row, now }) => row.weight === now?.weight && row.replicas === now.replicas))
      return 'same'
    if (pairs.every(({ row, now }) => row.weight === now?.weight)) return 'scaled'
  }
  return serving.length === 0 ? 'added' : 'changed'
}
