import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { Bound } from './codec.ts'
import type { Schema } from './schema.ts'
import type { Session, SqlFlavour } from './session.ts'

/** Stands for a parameter while a statement is compiled. */
class Parameter {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * A statement that is built and compiled once per kind of database and then only bound: for those that are part of every deployment,
 * where Kysely's building would cost more than the database's work. The others need not bother.
 *
 * @example
 * const nameOf = statement((db, of: Of<{ id: string }>) => db.selectFrom('instances').select('name').where('id', '=', of('id')))
 * const [row] = await nameOf(session, { id })
 */
export function statement<P extends Record<string, Bound>, Row>(
  build: (db: Kysely<Schema>, of: <K extends keyof P & string>(name: K) => P[K]) => Compilable<Row>,
): (session: Session, parameters: P) => Promise<Row[]> {
  const compiled = new WeakMap<SqlFlavour, CompiledQuery<Row>>()
  return async ({ db, flavour, run }, parameters) => {
    let query = compiled.get(flavour)
    if (!query) {
      query = build(db, name => new Parameter(name) as never).compile()
      compiled.set(flavour, query)
    }
    const bound = query.parameters.map(value => (value instanceof Parameter ? parameters[value.name] : value))
    return (await run<Row>({ ...query, parameters: bound })).rows
  }
}

/** A parameter for each of these columns, by its name: the values of an insert. */
export function each(columns: readonly string[], of: (name: string) => Bound): Record<string, Bound> {
  return Object.fromEntries(columns.map(column => [column, of(column)]))
}

/**
 * An update that is compiled once for each set of columns it changes, and for each `variant`; resolves to the rows it changed.
 *
 * @example
 * const patching = update((db, of, changes) => db.updateTable('instances').set(changes).where('id', '=', of('$id')).returning('id'))
 * const changed = await patching(session, { state: 'running' }, { $id: id })
 */
export function update<P extends Record<`$${string}`, Bound>, Row>(
  build: (
    db: Kysely<Schema>,
    of: <K extends keyof P & string>(name: K) => P[K],
    changes: Readonly<Record<string, Bound>>,
    variant: readonly string[],
  ) => Compilable<Row>,
): (
  session: Session,
  changes: Readonly<Record<string, Bound>>,
  parameters: P,
  variant?: readonly string[],
) => Promise<Row[]> {
  const known = new Map<string, (session: Session, parameters: Record<string, Bound>) => Promise<Row[]>>()
  return async (session, changes, parameters, variant = []) => {
    const columns = Object.keys(changes)
    const key = `${columns.join()} ${variant.join()}`
    let one = known.get(key)
    if (!one) {
      one = statement<Record<string, Bound>, Row>((db, of) => build(db, of as never, each(columns, of), variant))
      known.set(key, one)
    }
    return await one(session, { ...changes, ...parameters })
  }
}
