import { postgresStore } from '../../src/store/postgres.ts'
import { storeContract } from '../contract/store.ts'
import { onPostgres, postgresDatabase } from '../support/postgres.ts'

onPostgres(() =>
  storeContract('the store on PostgreSQL', async (t, clock) =>
    postgresStore({ url: await postgresDatabase(t), clock }),
  ),
)
