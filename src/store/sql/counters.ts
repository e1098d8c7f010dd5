import { type Kysely, sql } from 'kysely'
import type { DeploymentKind } from '../../deploy/deployment.ts'
import type { Schema } from './schema.ts'

/** What is counted, per instance or (living instances) per tenant, so that no page costs a COUNT(*). */
export type Counter = 'instances' | 'releases' | 'version' | `deployments.${DeploymentKind}`

/** Adds `by` to a counter and returns what it is now. */
export async function count(db: Kysely<Schema>, scope: string, name: Counter, by: number): Promise<number> {
  const { value } = await db
    .insertInto('counters')
    .values({ scope, name, value: by })
    .onConflict(c => c.columns(['scope', 'name']).doUpdateSet({ value: sql`counters.value + excluded.value` }))
    .returning('value')
    .executeTakeFirstOrThrow()
  return value
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
  db: Kysely<Schema>,
  tenantId: string,
  instanceId: string,
  name: Counter,
): Promise<number | undefined> {
  const row = await db
    .insertInto('counters')
    .columns(['scope', 'name', 'value'])
    .expression(from =>
      from
        .selectFrom('instances')
        .select(e => ['id', e.val<string>(name).as('name'), e.lit(1).as('value')])
        .where('id', '=', instanceId)
        .where('tenant_id', '=', tenantId),
    )
    .onConflict(c => c.columns(['scope', 'name']).doUpdateSet({ value: sql`counters.value + 1` }))
    .returning('value')
    .executeTakeFirst()
  return row?.value
}
