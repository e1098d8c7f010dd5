import type { Revision, Row, Step, Table } from '../../../src/deploy/step.ts'
import type { PlanInput, PlannedService } from '../../../src/deploy/strategy.ts'

/** A short way to say what a plan starts from: services as `name@digest×replicas`. */
export interface Scene {
  readonly old?: readonly PlannedService[]
  readonly next?: readonly PlannedService[]
  readonly warm?: readonly Row[]
  readonly table?: Table
  readonly options?: Record<string, unknown>
  readonly mode?: PlanInput['mode']
}

/** The revision of a letter or word: `a` is the first generation of a digest of a's. */
export function revision(digest: string, generation = 1): Revision {
  return `${digest.padEnd(6, digest.slice(-1))}.${generation}`
}

/** A routed service, unless told otherwise. */
export function service(
  name: string,
  digest: string,
  replicas: number,
  more: Partial<PlannedService> = {},
): PlannedService {
  return {
    name,
    revision: revision(digest),
    replicas,
    routed: true,
    exclusive: false,
    dependsOn: [],
    before: false,
    release: `rel_${digest}`,
    ...more,
  }
}

/** The row a service at rest has. */
export function rowOf({ name, revision, replicas, routed, release }: PlannedService, weight = routed ? 100 : 0): Row {
  return { service: name, revision, replicas, weight, release }
}

/** What a strategy plans from: the old services at rest, and warm rows. */
export function input({ old = [], next = [], warm = [], table, options = {}, mode = 'deploy' }: Scene): PlanInput {
  return { table: table ?? [...old.map(service => rowOf(service)), ...warm], old, next, options, mode }
}

/** The names of steps: a plan as people read it. */
export function names(steps: readonly Step[] | undefined): string[] {
  return (steps ?? []).map(step => step.name)
}
