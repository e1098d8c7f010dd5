import type { Compilable, Kysely } from 'kysely'
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
 * A statement that is built and compiled once per kind of database and then only bound: for the few that are part of every transaction,
 * where Kysely's building would cost more than the database's work. The others need not bother.
 *
 * @example
 * const nameOf = statement((db, of: Of<{ id: string }>) => db.selectFrom('instances').select('name').where('id', '=', of('id')))
 * const [row] = await nameOf(session, { id })
 */
export function statement<P extends Record<string, Bound>, Row>(
  build: (db: Kysely<Schema>, of: <K extends keyof P & string>(name: K) => P[K]) => Compilable<Row>,
): (session: Session, parameters: P) => Promise<Row[]> {
  const compiled = new WeakMap<SqlFlavour, ReturnType<Compilable<Row>['compile']>>()
  return async ({ db, flavour }, parameters) => {
    let query = compiled.get(flavour)
    if (!query) {
      query = build(db, name => new Parameter(name) as never).compile()
      compiled.set(flavour, query)
    }
    const bound = query.parameters.map(value => (value instanceof Parameter ? parameters[value.name] : value))
    return (await db.executeQuery<Row>({ ...query, parameters: bound })).rows
  }
}
