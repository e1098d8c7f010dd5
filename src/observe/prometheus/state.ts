import type { Registry } from 'prom-client'
import { everyTenant } from '../../auth/auth.ts'
import type { Clock } from '../../clock.ts'
import type { Backlog, Summary } from '../../deploy/find.ts'
import type { Store } from '../../deploy/work.ts'
import type { Space } from '../../room.ts'
import { collected, type Reading } from './collected.ts'
import type { Look } from './traffic.ts'

/** What gauges are read from. */
export interface StateParts {
  readonly store: Pick<Store, 'deploys' | 'events' | 'instances' | 'work'>
  readonly clock: Pick<Clock, 'now'>
  /** How many instances this process owns. */
  readonly leases: () => number
  readonly space: () => Promise<Space>
}

/** How much there is, waits and is left, at the moment of the look. */
export function stateMetrics(registry: Registry, parts: StateParts): Look {
  const { store, clock } = parts
  let backlog: readonly Backlog[] = []
  let summary: Summary = { instances: {}, needsAttention: 0, deployments: {}, waiting: 0 }
  let log = { end: 0, prunedTo: 0 }
  let space: Space | undefined

  const gauge = (name: string, help: string, read: () => readonly Reading[]): void =>
    collected(registry, { name, help, type: 'gauge' }, read)
  gauge('slipway_deployments_unfinished', 'Deployments that wait or run now.', () =>
    backlog.map(({ state, strategy, count }) => ({ labels: { state, strategy }, value: count })),
  )
  gauge('slipway_deployments_waiting_for_people', 'Running deployments that wait at a pause.', () => [
    { value: summary.waiting },
  ])
  gauge(
    'slipway_oldest_pending_deployment_seconds',
    'How long the oldest deployment has waited for its turn; 0 when none does.',
    () => {
      const oldest = backlog.filter(({ state }) => state === 'pending').map(of => Date.parse(of.oldest))
      return [{ value: Math.max(0, ...oldest.map(at => (clock.now() - at) / 1000)) }]
    },
  )
  gauge('slipway_instances', 'Living instances by state.', () =>
    Object.entries(summary.instances).map(([state, value]) => ({ labels: { state }, value })),
  )
  gauge('slipway_instances_needing_attention', 'Instances that are held until somebody looks at them.', () => [
    { value: summary.needsAttention },
  ])
  gauge('slipway_event_log_position', 'Place of the newest event of the log.', () => [{ value: log.end }])
  gauge('slipway_event_log_pruned_position', 'Up to here the log was pruned.', () => [{ value: log.prunedTo }])
  gauge('slipway_leases_held', 'Instances that this process owns now.', () => [{ value: parts.leases() }])
  gauge('slipway_disk_free_bytes', 'What is free on the disk of the data folder.', () =>
    space ? [{ value: space.freeBytes }] : [],
  )
  gauge('slipway_disk_reserve_bytes', 'New work is refused while less than this is free.', () =>
    space ? [{ value: space.reserveBytes }] : [],
  )

  return {
    async look() {
      backlog = await store.deploys.backlog()
      summary = await store.instances.summary(everyTenant)
      log = { end: await store.events.lastSeq(), prunedTo: await store.events.prunedTo() }
      space = await parts.space()
    },
  }
}
