import { describe } from 'node:test'
import { auditTests } from './store/audit.ts'
import { deploymentTests } from './store/deployments.ts'
import { eventTests } from './store/events.ts'
import { findTests } from './store/find.ts'
import type { MakeStore } from './store/fixtures.ts'
import { historyTests } from './store/history.ts'
import { instanceTests } from './store/instances.ts'
import { leaseTests } from './store/leases.ts'
import { pruneHistoryTests } from './store/prune-history.ts'
import { releaseTests } from './store/releases.ts'
import { requestTests } from './store/requests.ts'
import { retentionTests } from './store/retention.ts'
import { runTests } from './store/runs.ts'
import { secretTests } from './store/secrets.ts'
import { taskTests } from './store/tasks.ts'
import { tenantTests } from './store/tenants.ts'
import { tokenTests } from './store/tokens.ts'
import { transactionTests } from './store/transactions.ts'
import { webhookTests } from './store/webhooks.ts'

/** What every store must do, whatever database it is on. */
export function storeContract(name: string, makeStore: MakeStore): void {
  describe(name, () => {
    describe('deployments', () => deploymentTests(makeStore))
    describe('releases', () => releaseTests(makeStore))
    describe('instances', () => instanceTests(makeStore))
    describe('events', () => eventTests(makeStore))
    describe('secrets', () => secretTests(makeStore))
    describe('leases', () => leaseTests(makeStore))
    describe('runs', () => runTests(makeStore))
    describe('finds', () => findTests(makeStore))
    describe('tokens', () => tokenTests(makeStore))
    describe('tenants', () => tenantTests(makeStore))
    describe('requests', () => requestTests(makeStore))
    describe('tasks', () => taskTests(makeStore))
    describe('audit', () => auditTests(makeStore))
    describe('webhooks', () => webhookTests(makeStore))
    describe('retention', () => retentionTests(makeStore))
    describe('history', () => historyTests(makeStore))
    describe('retention of history', () => pruneHistoryTests(makeStore))
    describe('transactions', () => transactionTests(makeStore))
  })
}
