import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { systemClock } from '../../src/clock.ts'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Run, StepRecord } from '../../src/deploy/run.ts'
import type { ListOptions, Page } from '../../src/deploy/store.ts'
import type { InstanceRecord, PortReservation } from '../../src/deploy/work.ts'
import { deployments } from '../../src/store/sql/deployments.ts'
import { events } from '../../src/store/sql/events.ts'
import { releases } from '../../src/store/sql/releases.ts'
import type { Schema } from '../../src/store/sql/schema.ts'
import type { Session } from '../../src/store/sql/session.ts'
import { work } from '../../src/store/sql/work.ts'
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts'
import { sqliteDriver } from '../../src/store/sqlite/driver.ts'
import type { History } from '../support/history.ts'

/** What a store says, read from beside it while a control plane holds it. */
export interface Books {
  record(instanceId: string): Promise<InstanceRecord | undefined>
  deployment(id: string): Promise<Deployment | undefined>
  /** Every run of an instance, of whatever kind, newest first. */
  runs(instanceId: string): Promise<Run[]>
  steps(deploymentId: string): Promise<StepRecord[]>
  ports(): Promise<PortReservation[]>
  history(instanceId: string): Promise<History>
  /** The deployment that was asked for last. */
  newest(): Promise<string | undefined>
  /** Ids of the instances that are not deleted. */
  instances(): Promise<string[]>
  close(): void
}

const everyKind = ['deploy', 'rollback', 'initial', 'provision', 'scale', 'restart', 'stop', 'start', 'delete'] as const

/** Opens the store of a data folder for reading, as one tenant. It has to be there. */
export function openBooks(dataDir: string, tenantId: string): Books {
  const database = new DatabaseSync(join(dataDir, 'slipway.db'), { readOnly: true, timeout: 5000 })
  const db = new Kysely<Schema>({ dialect: sqliteDialect(sqliteDriver(() => database)) })
  const session: Session = {
    db,
    urgent: db,
    run: query => db.executeQuery(query),
    clock: systemClock,
    flavour: {
      serial: ['integer', column => column],
      bytes: 'blob',
      soleProcess: true,
      isUniqueViolation: () => false,
      isConflict: () => false,
      hold: async () => {},
    },
  }
  const deploys = { ...deployments(session), ...releases(session) }
  const engine = work(session)
  const all = (instanceId: string): Promise<Deployment[]> =>
    everyPage(page => deploys.listDeployments(tenantId, instanceId, { ...page, kinds: everyKind }))
  return {
    record: id => engine.load(id),
    deployment: async id => (await engine.run(id))?.deployment,
    async runs(instanceId) {
      const found = await Promise.all((await all(instanceId)).map(({ id }) => engine.run(id)))
      return found.filter(run => run !== undefined)
    },
    steps: id => engine.steps(id),
    ports: () => engine.reservations(),
    async history(instanceId) {
      return {
        deployments: await all(instanceId),
        releases: await everyPage(page => deploys.listReleases(tenantId, instanceId, page)),
        events: await events(session).read({ after: 0, limit: 100_000, instanceId }),
        currentReleaseId: (await engine.load(instanceId))?.instance.currentReleaseId,
      }
    },
    async newest() {
      const last = db
        .selectFrom('deployments')
        .select('id')
        .where('kind', '<>', 'initial')
        .orderBy('seq', 'desc')
        .limit(1)
      return (await last.executeTakeFirst())?.id
    },
    instances: () => engine.living(),
    close: () => database.close(),
  }
}

async function everyPage<T>(read: (options: ListOptions) => Promise<Page<T>>): Promise<T[]> {
  const found: T[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await read({ limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    found.push(...page.items)
    cursor = page.nextCursor
    if (cursor === undefined) return found
  }
}
