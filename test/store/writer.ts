import { sqliteStore } from '../../src/store/sqlite.ts'

// A process that opens a store, then commits events for ever and tells of each one once it is durable. Killed by the test.
const store = await sqliteStore({ path: process.argv[2] ?? '' })
process.send?.({ opened: store.storeId })
for (;;) {
  const event = await store.transaction(tx => tx.events.append({ type: 'deploy.progress', tenantId: 'acme' }))
  await new Promise(sent => process.send?.({ committed: event.seq }, sent))
}
