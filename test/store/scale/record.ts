import type { CompiledQuery, DatabaseConnection, Driver } from 'kysely'

/** A statement as it was sent. */
export interface Sent {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

/** The same driver; each statement that is sent over it is told. */
export function recorded(driver: Driver, told: (statement: Sent) => void): Driver {
  const known = new WeakSet<DatabaseConnection>()
  return {
    init: options => driver.init(options),
    async acquireConnection() {
      const connection = await driver.acquireConnection()
      if (known.has(connection)) return connection
      known.add(connection)
      const execute = connection.executeQuery.bind(connection)
      connection.executeQuery = async <R>(query: CompiledQuery) => {
        told({ sql: query.sql, parameters: query.parameters })
        return await execute<R>(query)
      }
      return connection
    },
    beginTransaction: (connection, settings) => driver.beginTransaction(connection, settings),
    commitTransaction: connection => driver.commitTransaction(connection),
    rollbackTransaction: connection => driver.rollbackTransaction(connection),
    releaseConnection: connection => driver.releaseConnection(connection),
    destroy: () => driver.destroy(),
  }
}
