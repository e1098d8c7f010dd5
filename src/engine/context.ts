import type { Clock } from '../clock.ts'
import type { Specs } from '../deploy/draft.ts'
import type { CheckValue } from '../deploy/history.ts'
import type { Run } from '../deploy/run.ts'
import type { Strategy } from '../deploy/strategy.ts'
import type { InstanceRecord, Store, Stores } from '../deploy/work.ts'
import type { CheckFunction } from '../health/checks.ts'
import type { Observer } from '../observe/observer.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import type { Router } from '../router/router.ts'
import type { Keeper } from './keeper.ts'
import type { Lease } from './lease.ts'
import type { SpecSource } from './revisions.ts'
import type { RouterPorts } from './router-ports.ts'

/** Told what goes on, for those who look at it later. Nothing waits for it. */
export interface Onlooker {
  /** A deployment runs. */
  follow(deploymentId: string, instanceId: string): void
  /** What the checks of the hold at this position find now. */
  judged(deploymentId: string, position: number, values: readonly CheckValue[]): void
  /** It is over. */
  ended(deploymentId: string): void
}

/** The parts of an engine. */
export interface EngineParts {
  readonly store: Store
  readonly onlooker?: Onlooker
  readonly providers: ProviderRegistry
  readonly router: Router
  readonly clock: Clock
  readonly strategies: ReadonlyMap<string, Strategy>
  /** Functions that holds can name as checks. */
  readonly checks: Readonly<Record<string, CheckFunction>>
  /** The last labels of every host name: `localhost`. */
  readonly domain: string
  readonly revisions: SpecSource
  readonly ports: RouterPorts
  /** Takes the secrets of an instance out of a line. */
  readonly mask: (instanceId: string, line: string) => string
  /** Makes `mask` know the secrets that the instance can have been given, before anything of it is told. */
  readonly learnSecrets: (instance: { readonly id: string; readonly tenantId: string }) => Promise<void>
  /** Events were committed: readers may look. */
  readonly onCommit: () => void
  /** Told what happens, for metrics. Absent: nothing is measured. */
  readonly observer?: Observer
  /** Told of what an operator may want to know. */
  readonly log: { info(data: object, text: string): void; warn(data: object, text: string): void }
}

/** One instance, claimed: everything the work on it needs. */
export interface Attendance {
  readonly parts: EngineParts
  readonly keeper: Keeper
  readonly lease: Lease
}

/**
 * The services of every release that the table's rows, or the plan of a run in progress, are kept by. Those `known` are not read again: what
 * a row is kept by is sealed, and never changes.
 */
export async function specsOf(
  store: Pick<Stores, 'deploys'>,
  record: InstanceRecord,
  runs: readonly Run[],
  known: Specs = {},
): Promise<Specs> {
  const specs: Record<string, Specs[string]> = {}
  for (const run of runs) Object.assign(specs, run.plan?.specs)
  for (const release of new Set(record.table.map(row => row.release))) {
    if (specs[release]) continue
    const services = known[release] ?? (await store.deploys.getRelease(record.instance.tenantId, release))?.services
    if (services) specs[release] = services
  }
  return specs
}
