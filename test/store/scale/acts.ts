import { everyTenant } from '../../../src/auth/auth.ts'
import { timestamp } from '../../../src/clock.ts'
import type { Store } from '../../../src/deploy/work.ts'
import { aDeployment, anInstance, aRelease, aRequest, someTime } from '../../contract/store/fixtures.ts'
import { big, type Filled, idOf, newestMs } from './fill.ts'

/** An act of the store that is done all the time, or by whoever looks. */
export interface Act {
  readonly what: string
  readonly act: (store: Store) => Promise<unknown>
  /** Rows that one of its statements may look at. Default 1,500. */
  readonly rows?: number
}

const { tenantId, instanceId } = big
const webhookId = idOf('wh', 2)
const long = { keep: 1_000_000_000, keepMs: 1_000_000_000_000 }
const tenthMs = 24 * 60 * 60 * 1000

/** What runs often. `rows`: what a list of everything of a tenant counts at most. */
export function hotActs({ deployments, instances }: Filled, counted: number): Act[] {
  const running = idOf('dep', deployments - (deployments % 2000) - 2000 + 10)
  const release = idOf('rel', 200)
  const owned = { instanceId: idOf('inst', 4), tenantId, owner: 'w4', epoch: 2 }
  const some = Array.from({ length: 50 }, (_, n) => idOf('inst', n + 1))
  const instance = anInstance({ id: instanceId, tenantId })
  const old = timestamp(newestMs - 1_000_000_000_000)
  const delivery = async (store: Store) => {
    const [first] = await store.webhooks.due(webhookId, 10)
    if (!first) throw new Error('no delivery is due')
    return first
  }
  // Among few the newest are walked along: that costs no more than to sort those of a time.
  const fewIsAll = deployments < 500_000 ? deployments : 1_500
  return [
    { what: 'register a worker', act: s => s.work.registerWorker('w4'), rows: 5_000 },
    { what: 'beat', act: s => s.work.beat('w4') },
    { what: 'claim what is due', act: s => s.work.claimDue('w4', 32) },
    { what: 'when the next is due', act: s => s.work.nextWake() },
    { what: 'claim one', act: s => s.work.claim('w4', owned.instanceId) },
    { what: 'fence', act: s => s.work.fence(owned).catch(() => undefined) },
    { what: 'advance', act: s => s.work.advance(owned).catch(() => undefined) },
    { what: 'load', act: s => s.work.load(instanceId) },
    { what: 'patch', act: s => s.work.patch(instanceId, { generations: {} }) },
    { what: 'queue', act: s => s.work.queue(instanceId) },
    { what: 'run', act: s => s.work.run(running) },
    { what: 'steps', act: s => s.work.steps(idOf('dep', deployments)) },
    {
      what: 'signal',
      act: s => s.work.signal({ deploymentId: running, instanceId, kind: 'cancel', by: 'ana' }).catch(() => undefined),
    },
    { what: 'signals', act: s => s.work.signals(running) },
    { what: 'wake', act: s => s.work.wake(instanceId) },
    { what: 'release', act: s => s.work.release(owned, null) },
    { what: 'free the leases of a worker', act: s => s.work.removeWorker('w2'), rows: (2 * instances) / 100 },
    { what: 'images of an instance', act: s => s.work.images(instanceId, 20) },
    { what: 'shrink plans', act: s => s.work.shrinkRuns(long, '', 100), rows: deployments / 50 },
    {
      what: 'prune history',
      act: s => s.work.pruneHistory({ keep: 100, keepMs: tenthMs / 100, keepReleases: 20 }, '', 25),
      // The history of one instance, from its start on.
      rows: 600 + deployments / 100,
    },
    { what: 'ports of an instance', act: s => s.work.releasePorts(idOf('inst', 8)) },

    { what: 'insert a deployment', act: s => s.deploys.insertDeployment(aDeployment(instance), aRequest) },
    { what: 'a deployment', act: s => s.deploys.getDeployment(tenantId, running) },
    { what: 'update a deployment', act: s => s.deploys.updateDeployment(running, ['running'], { step: 2 }) },
    { what: 'list deployments', act: s => s.deploys.listDeployments(tenantId, instanceId) },
    {
      what: 'list deployments further down',
      act: async s => {
        const { nextCursor = '' } = await s.deploys.listDeployments(tenantId, instanceId, { limit: 100 })
        return await s.deploys.listDeployments(tenantId, instanceId, { cursor: nextCursor })
      },
    },
    { what: 'list by a state', act: s => s.deploys.listByState(tenantId, ['pending', 'running']) },
    {
      what: 'list by a state nearly all are in',
      act: s => s.deploys.listByState(tenantId, ['succeeded']),
      rows: counted,
    },
    { what: 'find deployments of a tenant', act: s => s.deploys.findDeployments(tenantId), rows: counted },
    { what: 'find those that move', act: s => s.deploys.findDeployments(tenantId, { states: ['pending', 'running'] }) },
    {
      what: 'find those that failed',
      act: s => s.deploys.findDeployments(tenantId, { states: ['failed'] }),
      rows: counted,
    },
    {
      what: 'find those of a kind and state',
      act: s => s.deploys.findDeployments(tenantId, { states: ['pending'], kinds: ['scale'] }),
    },
    {
      what: 'find those of a few instances',
      act: s => s.deploys.findDeployments(tenantId, { instanceIds: some.slice(1) }),
    },
    { what: 'find those of a release', act: s => s.deploys.findDeployments(tenantId, { releaseId: release }) },
    { what: 'find deployments of everybody', act: s => s.deploys.findDeployments(everyTenant), rows: counted },
    {
      what: 'find what moves of everybody',
      act: s => s.deploys.findDeployments(everyTenant, { states: ['pending', 'running'] }),
      rows: counted,
    },
    { what: 'backlog', act: s => s.deploys.backlog(), rows: deployments / 500 },
    { what: 'insert a release', act: s => s.deploys.insertRelease(aRelease(instance, deployments * 2)) },
    { what: 'a release', act: s => s.deploys.getRelease(tenantId, release) },
    { what: 'list releases', act: s => s.deploys.listReleases(tenantId, instanceId) },
    { what: 'next version', act: s => s.deploys.nextReleaseVersion(tenantId, instanceId) },
    { what: 'first release', act: s => s.deploys.firstRelease(tenantId, instanceId) },
    { what: 'active release', act: s => s.deploys.activeRelease(tenantId, instanceId) },
    { what: 'activate a release', act: s => s.deploys.activateRelease(instanceId, release, someTime) },

    { what: 'an instance', act: s => s.instances.get(tenantId, instanceId) },
    { what: 'an instance by name', act: s => s.instances.bySlug(tenantId, 'shop-1') },
    { what: 'list instances', act: s => s.instances.list(tenantId) },
    { what: 'list instances of everybody', act: s => s.instances.list(everyTenant), rows: counted },

    { what: 'append an event', act: s => s.events.append({ type: 'deploy.started', tenantId, instanceId }) },
    {
      what: 'append an event in a transaction',
      act: s => s.transaction(tx => tx.events.append({ type: 'deploy.started', tenantId, instanceId })),
    },
    { what: 'events after a place', act: s => s.events.read({ after: deployments / 2, limit: 500 }) },
    {
      what: 'events of a tenant after a place',
      act: s => s.events.read({ after: deployments / 2, limit: 500, tenantId }),
    },
    {
      what: 'events of an instance after a place',
      act: s => s.events.read({ after: deployments / 2, limit: 500, tenantId, instanceId }),
    },
    {
      what: 'events of a deployment',
      act: s => s.events.read({ after: 0, limit: 500, tenantId, deploymentId: running }),
    },
    { what: 'newest events', act: s => s.events.recent({ tenantId, limit: 50 }) },
    { what: 'newest events of an instance', act: s => s.events.recent({ tenantId, instanceId, limit: 50 }) },
    { what: 'where the log ends', act: s => s.events.lastSeq() },
    { what: 'where the log begins', act: s => s.events.prunedTo() },
    { what: 'prune events', act: s => s.events.prune({ ...long, keep: deployments - 50 }, 100) },

    { what: 'audit pages', act: s => s.audit.list(tenantId), rows: counted },
    { what: 'audit pages of everybody', act: s => s.audit.list(everyTenant), rows: counted },
    { what: 'audit of an instance', act: s => s.audit.list(tenantId, { instanceId }), rows: counted },
    { what: 'audit of a thing', act: s => s.audit.list(tenantId, { objectId: running }) },
    { what: 'audit of a day', act: s => s.audit.list(tenantId, { since: timestamp(newestMs - 300_000) }) },
    {
      what: 'audit of a day long ago',
      act: s =>
        s.audit.list(tenantId, { since: timestamp(newestMs - 20_000_000), until: timestamp(newestMs - 19_700_000) }),
      rows: fewIsAll,
    },
    { what: 'audit of a caller', act: s => s.audit.list(tenantId, { actor: 'nobody' }) },
    { what: 'audit of an action', act: s => s.audit.list(tenantId, { actions: ['token.revoke'] }) },
    { what: 'prune audit', act: s => s.audit.prune(old, 100) },

    { what: 'webhooks with something due', act: s => s.webhooks.dueWebhooks(), rows: deployments / 500 },
    { what: 'deliveries due', act: s => s.webhooks.due(webhookId, 10) },
    { what: 'when the next delivery is due', act: s => s.webhooks.nextDue(), rows: deployments / 500 },
    { what: 'deliveries of a webhook', act: s => s.webhooks.deliveries('big', webhookId), rows: counted },
    { what: 'deliveries that failed', act: s => s.webhooks.deliveries('big', webhookId, { states: ['failed'] }) },
    {
      what: 'a delivery was tried',
      act: async s =>
        await s.webhooks.attempted(await delivery(s), { at: someTime, durationMs: 1 }, { ended: 'delivered' }),
    },
    { what: 'prune deliveries', act: s => s.webhooks.pruneDeliveries(timestamp(newestMs - tenthMs), 100) },

    { what: 'tasks of an instance', act: s => s.tasks.list(tenantId, instanceId), rows: counted },
    { what: 'tasks that have not ended', act: s => s.tasks.unended(instanceId) },
    { what: 'whether a task waits', act: s => s.tasks.waits() },
    { what: 'claim tasks', act: s => s.tasks.claim('w4', 10) },
    { what: 'tasks to cancel', act: s => s.tasks.cancelling('w4') },
    { what: 'prune tasks', act: s => s.tasks.prune(timestamp(newestMs - tenthMs), 100) },

    { what: 'samples', act: s => s.history.samples(running) },
    { what: 'health that lasts', act: s => s.history.lasting(some) },
    { what: 'health of an instance', act: s => s.history.spans(idOf('inst', 9), old) },
    { what: 'prune health', act: s => s.history.pruneHealth(timestamp(newestMs - tenthMs), 100) },
    { what: 'newest outcomes', act: s => s.history.outcomes(some, ['deploy'], 10) },
    { what: 'what brought releases out', act: s => s.history.broughtOut([release]) },
    { what: 'what succeeded by a strategy', act: s => s.history.succeeded(instanceId, 'rolling', 'deploy', 5) },
    { what: 'what runs', act: s => s.history.running() },

    { what: 'a token by its hash', act: s => s.tokens.byHash('hash10', someTime) },
    { what: 'tokens of a tenant', act: s => s.tokens.list(tenantId), rows: counted },
    { what: 'forget requests', act: s => s.requests.forget(old) },
    { what: 'what a tenant has at work', act: s => s.tenants.loads('t1') },
  ]
}
