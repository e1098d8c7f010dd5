import {
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type PrimitiveValueListNode,
} from 'kysely'

/** Kysely's dialect for a driver over `pg`. */
export function postgresDialect(driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new Compiler(),
    createAdapter: () => new Adapter(),
    createIntrospector: db => new PostgresIntrospector(db),
  }
}

class Adapter extends PostgresAdapter {
  // Ours is held by the transaction that migrates; Kysely's, held by a session, would be left behind in a transaction pooler.
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

class Compiler extends PostgresQueryCompiler {
  // One of nothing: PostgreSQL has no empty list.
  protected override visitPrimitiveValueList(node: PrimitiveValueListNode): void {
    if (node.values.length > 0) super.visitPrimitiveValueList(node)
    else this.append('(null)')
  }
}
