import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** The first schema. Ids and JSON are text, times milliseconds since 1970, flags 0 or 1, so every database binds the same. */
export function first(flavour: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await settings(db)
      await instances(db, flavour)
      await deployments(db, flavour)
      await releases(db)
      await engine(db)
      await events(db, flavour)
      await secrets(db, flavour)
    },
  }
}

async function settings(db: Kysely<unknown>): Promise<void> {
  await texts(
    db.schema.createTable('meta').addColumn('key', 'text', c => c.primaryKey()),
    ['value'],
  ).execute()
  await db.schema
    .createTable('counters')
    .addColumn('scope', 'text', c => c.notNull())
    .addColumn('name', 'text', c => c.notNull())
    .addColumn('value', 'bigint', c => c.notNull())
    .addPrimaryKeyConstraint('counters_key', ['scope', 'name'])
    .execute()
}

async function instances(db: Kysely<unknown>, { serial }: SqlFlavour): Promise<void> {
  let table = db.schema.createTable('instances').addColumn('seq', ...serial)
  table = table.addColumn('id', 'text', c => c.notNull().unique())
  table = texts(table, ['tenant_id', 'name', 'state'])
  table = texts(table, ['owner'], 'optional')
  table = numbers(table, ['epoch'])
  table = numbers(table, ['wake_at'], 'optional')
  table = numbers(table, ['signal_seq', 'created_at', 'updated_at'])
  table = numbers(table, ['deleted_at'], 'optional')
  table = texts(table, ['needs_attention', 'expose'], 'optional')
  table = texts(table, ['provider'])
  table = texts(table, ['current_release_id', 'active_deployment_id', 'removed_replicas'], 'optional')
  table = texts(table, ['hosts', 'policies', 'urls', 'generations', 'ports', 'wanted', 'services'])
  await table.execute()
  await db.schema
    .createIndex('instances_living_name')
    .unique()
    .on('instances')
    .columns(['tenant_id', 'name'])
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
  await db.schema.createIndex('instances_tenant').on('instances').columns(['tenant_id', 'seq']).execute()
  await db.schema
    .createIndex('instances_due')
    .on('instances')
    .column('wake_at')
    .where(sql.ref('owner'), 'is', null)
    .execute()
}

async function deployments(db: Kysely<unknown>, { serial }: SqlFlavour): Promise<void> {
  let table = db.schema.createTable('deployments').addColumn('seq', ...serial)
  table = table.addColumn('id', 'text', c => c.notNull().unique())
  table = texts(table, ['tenant_id', 'instance_id', 'release_id', 'kind', 'state', 'strategy', 'initiator'])
  table = numbers(table, ['created_at', 'updated_at', 'watched_ms'])
  table = numbers(table, ['started_at', 'finished_at', 'restored', 'step', 'step_count'], 'optional')
  table = texts(table, ['provider_ref', 'error', 'error_code', 'notes', 'commit_sha'], 'optional')
  table = texts(table, ['from_release_id', 'rolled_back_by', 'retry_of'], 'optional')
  table = texts(table, ['reason', 'service_progress', 'undo', 'options'], 'optional')
  await texts(table, ['services'])
    .addForeignKeyConstraint('deployments_of_instance', ['instance_id'], 'instances', ['id'])
    .execute()
  await db.schema.createIndex('deployments_instance').on('deployments').columns(['instance_id', 'seq']).execute()
  await db.schema.createIndex('deployments_state').on('deployments').columns(['tenant_id', 'state', 'seq']).execute()
  await db.schema
    .createIndex('deployments_queue')
    .on('deployments')
    .columns(['instance_id', 'seq'])
    .where(sql<boolean>`state in ('pending', 'running')`)
    .execute()
  const runs = db.schema.createTable('runs').addColumn('deployment_id', 'text', c => c.primaryKey())
  await texts(texts(runs, ['request']), ['plan', 'undo_steps'], 'optional')
    .addForeignKeyConstraint('runs_of_deployment', ['deployment_id'], 'deployments', ['id'])
    .execute()
}

async function releases(db: Kysely<unknown>): Promise<void> {
  let table = db.schema.createTable('releases').addColumn('id', 'text', c => c.primaryKey())
  table = texts(table, ['tenant_id', 'instance_id'])
  table = numbers(table, ['version', 'active', 'created_at', 'updated_at'])
  table = numbers(table, ['sealed_at', 'activated_at'], 'optional')
  table = texts(table, ['notes', 'commit_sha'], 'optional')
  await texts(table, ['services'])
    .addUniqueConstraint('releases_version', ['instance_id', 'version'])
    .addForeignKeyConstraint('releases_of_instance', ['instance_id'], 'instances', ['id'])
    .execute()
  await db.schema
    .createIndex('releases_one_active')
    .unique()
    .on('releases')
    .column('instance_id')
    .where(sql.ref('active'), '=', sql.lit(1))
    .execute()
}

async function engine(db: Kysely<unknown>): Promise<void> {
  await numbers(
    db.schema.createTable('workers').addColumn('id', 'text', c => c.primaryKey()),
    ['beat_at'],
  ).execute()
  let steps = texts(db.schema.createTable('steps'), ['deployment_id', 'phase'])
  steps = numbers(steps, ['position'])
  steps = texts(steps, ['digest', 'state'])
  steps = numbers(steps, ['began_at'])
  steps = numbers(steps, ['ended_at'], 'optional')
  steps = texts(texts(steps, ['note'], 'optional'), ['step'])
  await steps.addPrimaryKeyConstraint('steps_key', ['deployment_id', 'phase', 'position']).execute()

  let signals = db.schema.createTable('signals').addColumn('id', 'text', c => c.primaryKey())
  signals = texts(signals, ['deployment_id', 'instance_id'])
  signals = numbers(signals, ['seq'])
  signals = texts(signals, ['kind', 'sent_by'])
  signals = texts(signals, ['gate', 'cause'], 'optional')
  await numbers(signals, ['at']).addUniqueConstraint('signals_order', ['instance_id', 'seq']).execute()
  await db.schema.createIndex('signals_deployment').on('signals').columns(['deployment_id', 'seq']).execute()

  const ports = db.schema.createTable('ports').addColumn('port', 'bigint', c => c.primaryKey())
  await texts(ports, ['instance_id', 'purpose']).execute()
  await db.schema.createIndex('ports_instance').on('ports').column('instance_id').execute()
}

async function events(db: Kysely<unknown>, { serial, soleProcess }: SqlFlavour): Promise<void> {
  let table = db.schema.createTable('events').addColumn('seq', ...serial)
  table = numbers(texts(table, ['id', 'type']), ['at'])
  table = texts(table, ['tenant_id'])
  await texts(table, ['instance_id', 'deployment_id', 'release_id', 'data'], 'optional').execute()
  for (const scope of ['tenant_id', 'instance_id', 'deployment_id']) {
    await db.schema.createIndex(`events_${scope}`).on('events').columns([scope, 'seq']).execute()
  }
  if (!soleProcess) {
    // Where events wait to be numbered, in the order of their writing, which is not that of their commits.
    const outbox = numbers(texts(db.schema.createTable('outbox').addColumn('place', ...serial), ['id', 'type']), ['at'])
    const scopes = ['instance_id', 'deployment_id', 'release_id', 'data']
    await texts(texts(outbox, ['tenant_id']), scopes, 'optional').execute()
  }
  const cursors = db.schema.createTable('cursors').addColumn('subscriber', 'text', c => c.primaryKey())
  await numbers(cursors, ['seq']).execute()
}

async function secrets(db: Kysely<unknown>, { bytes }: SqlFlavour): Promise<void> {
  let table: Table = db.schema.createTable('secrets').addColumn('id', 'text', c => c.primaryKey())
  table = numbers(texts(table, ['tenant_id', 'name']), ['version', 'created_at'])
  table = numbers(table.addColumn('sealed', bytes), ['revoked_at'], 'optional')
  await table.addUniqueConstraint('secrets_version', ['tenant_id', 'name', 'version']).execute()
}

type Table = CreateTableBuilder<string, string>

function texts(table: Table, columns: readonly string[], need: 'required' | 'optional' = 'required'): Table {
  return columns.reduce((t, name) => t.addColumn(name, 'text', c => (need === 'required' ? c.notNull() : c)), table)
}

function numbers(table: Table, columns: readonly string[], need: 'required' | 'optional' = 'required'): Table {
  return columns.reduce((t, name) => t.addColumn(name, 'bigint', c => (need === 'required' ? c.notNull() : c)), table)
}
