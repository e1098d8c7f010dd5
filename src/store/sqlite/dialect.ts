import {
  type Dialect,
  type Driver,
  type SelectModifierNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'

/** Kysely's dialect for a driver of node:sqlite. */
export function sqliteDialect(driver: Driver): Dialect {
  return {
    createDriver: () => driver,
    createQueryCompiler: () => new Compiler(),
    createAdapter: () => new Adapter(),
    createIntrospector: db => new SqliteIntrospector(db),
  }
}

class Adapter extends SqliteAdapter {
  // True for SQLite; Kysely's own answer is about drivers that can't.
  override get supportsTransactionalDdl(): boolean {
    return true
  }
  // Our driver hands out turns itself, and in a fair order with a deadline.
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

class Compiler extends SqliteQueryCompiler {
  // FOR UPDATE and SKIP LOCKED are for databases with many writers; a transaction here has the database to itself.
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (node.modifier === 'Distinct') super.visitSelectModifier(node)
  }
}
