import type { Specs } from '../deploy/draft.ts'
import { digestOf, revisionDigest } from '../deploy/revision.ts'
import type { Revision, Row, Table } from '../deploy/step.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { isHeld } from '../instance/instance.ts'
import { isExclusive, isRouted, type ServiceSnapshot } from '../instance/service.ts'

/** What an instance should be like: its row in the store, the table wanted now, and the specs that explain the table. */
export class Blueprint {
  readonly record: InstanceRecord
  readonly specs: Specs
  readonly table: Table

  constructor(record: InstanceRecord, specs: Specs, table: Table = record.table) {
    this.record = record
    this.specs = specs
    this.table = table
  }

  /** Whether the instance is only kept as it is found, until somebody says what is wanted. */
  get held(): boolean {
    return isHeld(this.record.instance)
  }

  /** The same with another table. */
  wanting(table: Table): Blueprint {
    return new Blueprint(this.record, this.specs, table)
  }

  /** How a replica's service is described: by its row's release, or for one that has no row any more by whatever knows its service. */
  specOf(replica: { readonly service: string; readonly revision: Revision }): ServiceSnapshot | undefined {
    const row = this.table.find(({ service, revision }) => service === replica.service && revision === replica.revision)
    const named = row && this.specs[row.release]?.find(spec => spec.name === replica.service)
    return named ?? this.#describe(replica.service)
  }

  /** What a replica is probed by: its row's release, or a spec of the very same content. Whatever else its service was, its check may be another. */
  checkOf(replica: { readonly service: string; readonly revision: Revision }): ServiceSnapshot | undefined {
    const spec = this.specOf(replica)
    if (!spec || this.#rows(replica.service).some(row => row.revision === replica.revision)) return spec
    return Object.values(this.specs)
      .flat()
      .findLast(known => known.name === replica.service && digestOfSpec(known) === digestOf(replica.revision))
  }

  /** Whether traffic goes to the service: it has a port, and one on the router. */
  isRouted(service: string): boolean {
    return this.record.ports[service] !== undefined && this.#rows(service).some(row => is(this.specOf(row), isRouted))
  }

  isExclusive(service: string): boolean {
    const [row] = this.#rows(service)
    return row !== undefined && is(this.specOf(row), isExclusive)
  }

  #rows(service: string): Row[] {
    return this.table.filter(row => row.service === service)
  }

  #describe(service: string): ServiceSnapshot | undefined {
    for (const services of Object.values(this.specs).toReversed()) {
      const spec = services.find(candidate => candidate.name === service)
      if (spec) return spec
    }
    return undefined
  }
}

function is(spec: ServiceSnapshot | undefined, what: (spec: ServiceSnapshot) => boolean): boolean {
  return spec !== undefined && what(spec)
}

const digests = new WeakMap<ServiceSnapshot, string>()

/** Hashed once: a replica that no row wants is looked at again and again until it is gone. */
function digestOfSpec(spec: ServiceSnapshot): string {
  const known = digests.get(spec)
  if (known !== undefined) return known
  const digest = revisionDigest(spec)
  digests.set(spec, digest)
  return digest
}
