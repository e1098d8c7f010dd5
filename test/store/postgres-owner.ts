import { startServer } from '../support/postgres-server.ts'

// Starts a PostgreSQL, tells where, and does nothing more, until it is killed.
const { folder } = await startServer()
process.send?.({ folder })
setInterval(() => {}, 60_000)
