import { Counter, Histogram, type Registry } from 'prom-client'
import { type Event, eventTypes } from '../../event/event.ts'
import type { Observer } from '../observer.ts'

/** Buckets of what takes from a moment to a quarter of an hour, seconds. */
const workBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900]
/** Buckets of what people take, seconds: a minute to three days. */
const humanBuckets = [10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 72 * 3600]
/** Buckets of what a disk takes, seconds. */
const diskBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

const endStates = ['succeeded', 'failed', 'cancelled', 'rolled_back'] as const
const replicaActs = ['started', 'start_failed', 'stopped', 'removed'] as const
const healings = {
  'instance.healed': 'healed',
  'instance.crash_looping': 'crash_looping',
  'instance.recovered': 'recovered',
}

/** Counts what the engine does and what is committed. What can be known beforehand begins at 0, so that a first failure is seen as a rise. */
export function engineMetrics(registry: Registry, strategies: readonly string[]): Observer {
  const registers = [registry]
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers })
  const histogram = <L extends string = never>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram<L>({ name, help, buckets, labelNames, registers })

  const events = counter('slipway_events_total', 'Events committed to the log by this process, by type.', 'type')
  const deployments = counter(
    'slipway_deployments_total',
    'Deployments that came to this state, as told in the log by this process.',
    'kind',
    'strategy',
    'state',
  )
  const durations = histogram(
    'slipway_deployment_duration_seconds',
    'From the start of a deployment to its end, waiting for people included.',
    workBuckets,
    'kind',
    'strategy',
    'state',
  )
  const queued = histogram(
    'slipway_deployment_queue_wait_seconds',
    'From the call that asked for a deployment until its turn came.',
    workBuckets,
    'kind',
  )
  const steps = histogram(
    'slipway_step_work_seconds',
    'How long steps took that do not wait for people, from their beginning to their end.',
    workBuckets,
    'step',
    'phase',
    'strategy',
    'outcome',
  )
  const human = histogram(
    'slipway_human_wait_seconds',
    'How long deployments waited for people: at pauses of their plan, or at pauses that someone asked for.',
    humanBuckets,
    'asked_by',
  )
  const acts = counter('slipway_replica_acts_total', 'What was done to replicas on their platforms.', 'act')
  const reconciled = counter(
    'slipway_reconciler_acts_total',
    'Replicas that were healed, and rows of replicas whose crash loop began or ended.',
    'act',
  )
  const refused = counter(
    'slipway_stale_writes_refused_total',
    'Writes that were refused because whoever sent them no longer owned the instance, by who refused.',
    'by',
  )
  const claims = counter('slipway_lease_claims_total', 'Instances that this process claimed.')
  const losses = counter(
    'slipway_lease_losses_total',
    'Instances whose work this process dropped because its lease was lost.',
  )
  const transactions = histogram(
    'slipway_store_transaction_seconds',
    'How long transactions took, their wait for a turn and for the disk included.',
    diskBuckets,
    'outcome',
  )
  const flushes = histogram(
    'slipway_store_flush_seconds',
    'How long the disk took for each flush of the store.',
    diskBuckets,
  )

  for (const type of eventTypes) events.inc({ type }, 0)
  for (const act of replicaActs) acts.inc({ act }, 0)
  for (const act of Object.values(healings)) reconciled.inc({ act }, 0)
  for (const by of ['store', 'provider', 'router']) refused.inc({ by }, 0)
  for (const state of endStates) {
    for (const strategy of strategies) deployments.inc({ kind: 'deploy', strategy, state }, 0)
    deployments.inc({ kind: 'rollback', strategy: 'blue-green', state }, 0)
  }

  const count = ({ type, data }: Event): void => {
    events.inc({ type })
    const state = endStates.find(candidate => type === `deploy.${candidate}`)
    if (state) deployments.inc({ kind: wordOf(data?.['kind']), strategy: wordOf(data?.['strategy']), state })
    if (type in healings) reconciled.inc({ act: healings[type as keyof typeof healings] })
  }

  return {
    committed: written => written.forEach(count),
    transaction: (seconds, outcome) => transactions.observe({ outcome }, seconds),
    flushed: seconds => flushes.observe(seconds),
    claimed: number => claims.inc(number),
    leaseLost: () => losses.inc(),
    refused: by => refused.inc({ by }),
    started({ kind, createdAt, startedAt }) {
      if (startedAt !== undefined)
        queued.observe({ kind }, secondsBetween(Date.parse(createdAt), Date.parse(startedAt)))
    },
    ended({ kind, strategy, startedAt }, state, at) {
      if (startedAt !== undefined)
        durations.observe({ kind, strategy, state }, secondsBetween(Date.parse(startedAt), at))
    },
    stepEnded({ kind, phase, strategy, outcome, seconds }) {
      if (kind === 'pause') human.observe({ asked_by: 'plan' }, seconds)
      else steps.observe({ step: kind, phase, strategy, outcome }, seconds)
    },
    resumed: seconds => human.observe({ asked_by: 'request' }, seconds),
    replicas: (act, number) => acts.inc({ act }, number),
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown'
}

/** Wall time can be set back. */
function secondsBetween(from: number, to: number): number {
  return Math.max(0, (to - from) / 1000)
}
