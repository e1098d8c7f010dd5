/** How many rows there are, and what the acts of a test need of them. */
export interface Filled {
  readonly deployments: number
  readonly instances: number
}

/** The tenant that has most of everything, and its instance with the longest history. */
export const big = { tenantId: 'big', instanceId: idOf('inst', 1) } as const

/** Ids that grow like ours. */
export function idOf(prefix: string, row: number): string {
  return `${prefix}_${String(row).padStart(26, '0')}`
}

/** When the newest row was written, milliseconds since 1970: a row each second before. */
export const newestMs = Date.UTC(2026, 10, 24)

/**
 * Statements for PostgreSQL that fill all tables which grow: one instance of a tenant that has six of ten, and twenty deployments for each
 * of the others. Nearly all have ended, some wait; one in a hundred has its plan.
 */
export function fill({ deployments, instances }: Filled): string[] {
  const id = (prefix: string, row: string): string => `'${prefix}_' || lpad((${row})::text, 26, '0')`
  const rows = `generate_series(1, ${deployments}) as i`
  const instanceOf = `case when i % 200 = 0 then 1 else 2 + (i * 7919::bigint) % ${instances - 1} end`
  const tenantOf = (instance: string): string =>
    `case when (${instance}) % 10 < 6 then 'big' else 't' || (${instance}) % 200 end`
  const at = `${newestMs} - (${deployments} - i) * 1000::bigint`
  const tenant = tenantOf(instanceOf)
  const services = `'[{"name":"web","image":"registry.example/shop/web:1"}]'`
  return [
    `insert into instances (id, tenant_id, name, state, owner, epoch, wake_at, signal_seq, created_at, updated_at, provider, hosts, policies,
       urls, generations, ports, wanted, services)
     select ${id('inst', 'i')}, ${tenantOf('i')}, 'shop-' || i, 'running', case when i % 100 = 3 then 'w' || i % 3 end, 1,
       case when i % 100 = 5 then ${newestMs} + i when i % 1000 = 7 then ${newestMs} - i end, 0, ${newestMs}, ${newestMs}, 'process', '[]', '{}',
       '{}', '{}', '{}', '[]', ${services}
     from generate_series(1, ${instances}) as i`,
    `insert into releases (id, tenant_id, instance_id, version, active, created_at, updated_at, sealed_at, activated_at, services)
     select ${id('rel', 'i')}, ${tenant}, ${id('inst', instanceOf)}, i, 0, ${at}, ${at}, ${at}, ${at}, ${services}
     from ${rows}`,
    `update releases set active = 1 where id in (select max(id) from releases group by instance_id)`,
    `insert into deployments (id, tenant_id, instance_id, release_id, kind, state, strategy, initiator, created_at, updated_at, watched_ms,
       started_at, finished_at, step_count, services)
     select ${id('dep', 'i')}, ${tenant}, ${id('inst', instanceOf)}, ${id('rel', 'i')}, case when i % 21 = 7 then 'scale' else 'deploy' end,
       case when i % 2000 = 9 then 'pending' when i % 2000 in (10, 1000) then 'running' when i % 9 = 0 then 'failed' else 'succeeded' end,
       'rolling', 'ana', ${at}, ${at}, 0, ${at}, case when i % 2000 not in (9, 10, 1000) then ${at} end, 4, ${services}
     from ${rows}`,
    `insert into runs (deployment_id, request, plan)
     select ${id('dep', 'i')}, '{"kind":"deploy","services":[],"complete":false}', case when i > ${deployments} * 0.99 then '{}' end
     from ${rows}`,
    `insert into steps (deployment_id, phase, position, digest, state, began_at, step)
     select ${id('dep', 'i')}, 'forward', p, 'x', 'done', ${at}, '{}'
     from generate_series(${Math.floor(deployments * 0.99)}, ${deployments}) as i, generate_series(0, 5) as p`,
    `insert into events (seq, id, type, at, tenant_id, instance_id, deployment_id)
     select i, ${id('evt', 'i')}, 'deploy.succeeded', ${at}, ${tenant}, ${id('inst', instanceOf)}, ${id('dep', 'i')}
     from ${rows}`,
    `insert into audit (id, created_at, tenant_id, actor, action, object, object_id, instance_id)
     select ${id('aud', 'i')}, ${at}, ${tenant}, 'ana', case when i % 50 = 0 then 'instance.scale' else 'deploy' end, '{}', ${id('dep', 'i')}, ${id('inst', instanceOf)}
     from ${rows}`,
    `insert into webhooks (id, tenant_id, url, enabled, secret_versions, created_at, updated_at, place)
     select ${id('wh', 'i')}, 'big', 'https://hooks.example/', 1, '[]', ${newestMs}, ${newestMs}, ${deployments}
     from generate_series(1, 5) as i`,
    `insert into deliveries (id, webhook_id, tenant_id, event_id, event_seq, event_type, instance_id, lane, payload, state, created_at, next_at,
       ended_at, attempt_count, attempts)
     select ${id('del', 'i')}, ${id('wh', '1 + i % 5')}, 'big', ${id('evt', 'i')}, i, 'deploy.succeeded', ${id('inst', instanceOf)},
       ${id('inst', instanceOf)}, '{}', case when i % 1000 = 1 then 'pending' else 'delivered' end, ${at},
       case when i % 1000 = 1 then ${at} end, case when i % 1000 <> 1 then ${at} end, 1, '[]'
     from ${rows}`,
    `insert into tasks (id, created_at, tenant_id, instance_id, service, release_id, command, timeout_seconds, state, finished_at, initiator)
     select ${id('task', 'i')}, ${at}, ${tenant}, ${id('inst', instanceOf)}, 'web', ${id('rel', 'i')}, '[]', 60,
       case when i % 5000 = 1 then 'pending' else 'succeeded' end, case when i % 5000 <> 1 then ${at} end, 'ana'
     from ${rows}`,
    `insert into signals (id, deployment_id, instance_id, seq, kind, sent_by, at)
     select ${id('sig', 'i')}, ${id('dep', 'i')}, ${id('inst', instanceOf)}, i, 'promote', 'ana', ${at} from ${rows} where i % 10 = 0`,
    `insert into samples (deployment_id, at, span_ms, shares) select ${id('dep', 'i')}, ${at}, 1000, '{}' from ${rows}`,
    `insert into health_spans (instance_id, service, health, from_at, until_at)
     select ${id('inst', instanceOf)}, '', 'ready', ${at}, case when i > ${instances} then ${at} end from ${rows}`,
    `insert into requests (id, digest, begun_at) select 'req' || i, 'x', ${at} from ${rows}`,
    `insert into pruned_images (digest, at) select 'sha256:' || i, ${at} from ${rows} where i % 10 = 0`,
    `insert into ports (port, instance_id, purpose) select 20000 + i, ${id('inst', 'i')}, 'web' from generate_series(1, 9000) as i`,
    `insert into counters (scope, name, value)
     select instances.id, names.name, 20
     from instances, (values ('releases'), ('version'), ('deployments.deploy')) as names (name)`,
    `insert into secrets (id, tenant_id, name, version, created_at)
     select ${id('sec', 'i')}, ${tenant}, 'secret-' || i, 1, ${at} from ${rows} where i % 10 = 0`,
    `insert into tokens (id, tenant_id, name, scopes, created_by, created_at, expires_at, hash, previous_hash)
     select ${id('tok', 'i')}, ${tenant}, 'ci', '[]', 'ana', ${at}, ${newestMs}, 'hash' || i, case when i % 7 = 0 then 'old' || i end
     from ${rows} where i % 10 = 0`,
    `insert into workers (id, beat_at) select 'w' || i, ${newestMs} from generate_series(0, 2) as i`,
    'vacuum analyze',
  ]
}
