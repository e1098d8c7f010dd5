import { type Kysely, sql } from 'kysely'
import type { DeploymentKind } from '../../deploy/deployment.ts'
import type { Schema } from './schema.ts'
import type { Session } from './session.ts'
import { statement } from './statement.ts'

/** What is counted, per instance or (living instances) per tenant, so that no page costs a COUNT(*). */
export type Counter = 'instances' | 'releases' | 'version' | `deployments.${DeploymentKind}`

/** Compiled once, as they are part of every deployment. */
const counting = statement<{ scope: string; name: string; by: number }, never>((db, of) =>
  db
    .insertInto('counters')
    .values({ scope: of('scope'), name: of('name'), value: of('by') })
    .onConflict(c => c.columns(['scope', 'name']).doUpdateSet({ value: sql`counters.value + excluded.value` })),
)
const numbering = statement<{ tenantId: string; instanceId: string; name: string }, { value: number }>((db, of) =>
  db
    .insertInto('counters')
    .columns(['scope', 'name', 'value'])
    .expression(from =>
      from
        .selectFrom('instances')
        .select(e => ['id', e.val(of('name')).as('name'), e.lit(1).as('value')])
        .where('id', '=', of('instanceId'))
        .where('tenant_id', '=', of('tenantId')),
    )
    .onConflict(c => c.columns(['scope', 'name']).doUpdateSet({ value: sql`counters.value + 1` }))
    .returning('value'),
)

/** Adds `by` to a counter. */
export async function count(session: Session, scope: string, name: Counter, by: number): Promise<void> {
  await counting(session, { scope, name, by })
}

/** The sum of some counters of a tenant's instance; 0 for those that never counted, and for another tenant's instance. */
export async function total(
  db: Kysely<Schema>,
  tenantId: string,
  instanceId: string,
  names: readonly Counter[],
): Promise<number> {
  const rows = await db
    .selectFrom('counters')
    .innerJoin('instances', 'instances.id', 'counters.scope')
    .select('counters.value')
    .where('instances.id', '=', instanceId)
    .where('instances.tenant_id', '=', tenantId)
    .where('counters.name', 'in', names)
    .execute()
  return rows.reduce((sum, { value }) => sum + value, 0)
}

/** How many living instances a tenant has. */
export async function livingInstances(db: Kysely<Schema>, tenantId: string): Promise<number> {
  const row = await db
    .selectFrom('counters')
    .select('value')
    .where('scope', '=', tenantId)
    .where('name', '=', 'instances')
    .executeTakeFirst()
  return row?.value ?? 0
}

/** Takes the next number of a counter of a tenant's instance; undefined when the tenant has no such instance. */
export async function next(
  session: Session,
  tenantId: string,
  instanceId: string,
  name: Counter,
): Promise<number | undefined> {
  const [row] = await numbering(session, { tenantId, instanceId, name })
  return row?.value
}
