import type { Table } from '../../src/deploy/step.ts'
import type { Replica } from '../../src/provider/provider.ts'
import type { RouteTable } from '../../src/router/router.ts'

/** What is wanted of an instance, what is there of it, and where traffic goes. */
export interface Seen {
  readonly table: Table
  readonly replicas: readonly Pick<Replica, 'name' | 'service' | 'revision' | 'state'>[]
  readonly routes: RouteTable | undefined
}

/** Where table, platform and router differ, one line each. */
export function disagreementsOf({ table, replicas, routes: found }: Seen): string[] {
  const rows = new Map(table.map(row => [`${row.service}.${row.revision}`, row]))
  const strays = replicas.filter(replica => !rows.has(`${replica.service}.${replica.revision}`))
  const counts = table.flatMap(row => {
    const living = replicas.filter(replica => replica.revision === row.revision && replica.service === row.service)
    const there = living.filter(replica => replica.state === 'running').length
    return there === row.replicas && living.length === there
      ? []
      : [`${row.service} ${row.revision}: ${there} of ${row.replicas} run, ${living.length} are there`]
  })
  const routes = Object.entries(found?.services ?? {})
  const weights = routes.flatMap(([service, { revisions }]) =>
    Object.entries(revisions).flatMap(([revision, { weight, endpoints }]) => {
      const row = rows.get(`${service}.${revision}`)
      const serving = endpoints.filter(end => end.state === 'serving').length
      if (weight === (row?.weight ?? 0) && serving === (row?.replicas ?? 0)) return []
      return [`${service} ${revision} has ${weight} % and ${serving} endpoints, wanted ${JSON.stringify(row)}`]
    }),
  )
  const routed = new Map(routes.map(([service, { revisions }]) => [service, revisions]))
  const missing = table.filter(row => row.weight > 0 && !routed.get(row.service)?.[row.revision])
  return [
    ...strays.map(replica => `${replica.name} is there and belongs to no row`),
    ...counts,
    ...weights,
    ...missing.map(row => `${row.service} ${row.revision} is not routed`),
  ]
}
