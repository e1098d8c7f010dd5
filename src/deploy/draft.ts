import { isExclusive, isRouted, type ServiceSnapshot } from '../instance/service.ts'
import { digestOf, generationOf, revisionDigest, revisionName } from './revision.ts'
import type { Row, Table } from './step.ts'
import type { PlanInput, PlannedService } from './strategy.ts'

/** Release id → its services. */
export type Specs = Readonly<Record<string, readonly ServiceSnapshot[]>>

/** Where an instance is. */
export interface Standing {
  readonly table: Table
  /** `<service>.<digest>` → highest generation given so far. */
  readonly generations: Readonly<Record<string, number>>
  /** The services of every release that the table's rows are kept by. */
  readonly specs: Specs
}

/** Where it should go. */
export interface Goal {
  /** Every service; what is left out is removed. */
  readonly services: readonly ServiceSnapshot[]
  /** The release these services are. */
  readonly release: string
  readonly replicas: Readonly<Record<string, number>>
  /** Services that get new replicas though nothing about them changed. */
  readonly restart?: readonly string[]
  readonly mode: 'deploy' | 'rollback'
  readonly options: Readonly<Record<string, unknown>>
}

/** What a strategy plans from, and the generations that the plan uses up. */
export interface Draft {
  readonly input: PlanInput
  readonly generations: Readonly<Record<string, number>>
}

/** Settles revisions and generations: a revision that stands in the table is taken over, any other gets a new generation. */
export function draft(from: Standing, goal: Goal): Draft {
  const generations: Record<string, number> = { ...from.generations }
  const next = goal.services.map(service => {
    const digest = revisionDigest(service)
    const standing = goal.restart?.includes(service.name) ? undefined : standingRow(from.table, service.name, digest)
    let revision = standing?.revision
    if (revision === undefined) {
      const key = `${service.name}.${digest}`
      const standingToo = from.table.filter(row => row.service === service.name && digestOf(row.revision) === digest)
      const generation = Math.max(generations[key] ?? 0, ...standingToo.map(row => generationOf(row.revision))) + 1
      delete generations[key] // to the end: the oldest are forgotten first
      generations[key] = generation
      revision = revisionName(digest, generation)
    }
    return plannedService(service, revision, goal.replicas[service.name] ?? 1, goal.release)
  })
  const input = { table: from.table, old: serving(from), next, options: goal.options, mode: goal.mode }
  return { input, generations: newest(generations) }
}

/** How many revisions of an instance have their generation remembered. One that was forgotten starts anew, which costs its name nothing but looks. */
const rememberedGenerations = 500

function newest(generations: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(generations).slice(-rememberedGenerations))
}

/** What serves now, one entry a service: its heaviest row as its release describes it. Warm rows serve nothing. */
export function serving({ table, specs }: Pick<Standing, 'table' | 'specs'>): PlannedService[] {
  const found = new Map<string, { row: Row; spec: ServiceSnapshot }>()
  for (const row of table) {
    const spec = specs[row.release]?.find(service => service.name === row.service)
    if (!spec || (isRouted(spec) && row.weight === 0)) continue
    const best = found.get(row.service)
    if (!best || row.weight > best.row.weight) found.set(row.service, { row, spec })
  }
  return [...found.values()].map(({ row, spec }) => plannedService(spec, row.revision, row.replicas, row.release))
}

function standingRow(table: Table, service: string, digest: string): Row | undefined {
  const rows = table.filter(row => row.service === service && digestOf(row.revision) === digest)
  return rows.toSorted((a, b) => b.weight - a.weight)[0]
}

function plannedService(service: ServiceSnapshot, revision: string, replicas: number, release: string): PlannedService {
  return {
    name: service.name,
    revision,
    replicas,
    routed: isRouted(service),
    exclusive: isExclusive(service),
    dependsOn: service.dependsOn ?? [],
    before: service.before !== undefined,
    release,
  }
}
