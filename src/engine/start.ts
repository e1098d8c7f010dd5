import { timestamp } from '../clock.ts'
import { stepsOf } from '../deploy/choose.ts'
import type { Deployment } from '../deploy/deployment.ts'
import { type Draft, draft, type Goal } from '../deploy/draft.ts'
import type { FrozenPlan, Run, UndoCause } from '../deploy/run.ts'
import type { Step } from '../deploy/step.ts'
import type { InstanceRecord, Stores } from '../deploy/work.ts'
import { isSlipwayError, SlipwayError } from '../errors.ts'
import type { Instance } from '../instance/instance.ts'
import { isRouted, type ServiceSnapshot } from '../instance/service.ts'
import { type Attendance, specsOf } from './context.ts'
import { endPending } from './finish.ts'
import { goalOf } from './goal.ts'
import { recover } from './recover.ts'

/** Codes for which a deployment whose turn came is cancelled: what it asked for is no longer possible. */
const noLongerPossible = new Set([
  'stale_release',
  'unknown_service',
  'unknown_secret',
  'instance_state',
  'unrestorable',
  'dependency_cycle',
  'unknown_reference',
  'unknown_port',
  'bad_health_check',
  'missing_capability',
  'unknown_strategy',
  'never_active',
])

/**
 * A pending deployment whose turn has come: what it inherits is filled in from the release active now, the plan is made and frozen, and
 * all of it is committed with the state `running` and an epoch of its own: a database from before shows what came after. Resolves to the run as it is now, or undefined when it was cancelled instead.
 */
export async function start(run: Run, at: Attendance): Promise<Run | undefined> {
  const { parts, lease, keeper } = at
  const { store } = parts
  const id = run.deployment.id
  await takeUp(await reservePorts(run, at), at)
  await keeper.acquaint(lease.signal)
  await recover(run.deployment.kind, at)
  if (!keeper.view().observed) {
    throw new SlipwayError(
      'unavailable',
      'The provider does not answer, and a plan needs to know what serves; it is made as soon as it does.',
    )
  }
  try {
    const claim = await store.transaction(async tx => {
      const own = await tx.work.advance(lease.claim)
      const fresh = await tx.work.run(id)
      const record = await tx.work.load(own.instanceId)
      if (fresh?.deployment.state !== 'pending' || !record) return own
      const specs = await specsOf(tx, record, [], keeper.specs)
      const goal = await goalOf(fresh, record, tx, parts.providers)
      const made = draft({ table: record.table, generations: record.generations, specs }, goal)
      const { plan, fault } = freeze(fresh, goal, made, specs, at)
      const now = timestamp(parts.clock.now())
      await tx.work.savePlan(id, plan)
      await tx.work.patch(record.instance.id, { generations: made.generations })
      if (run.request.kind === 'deploy') await tx.deploys.sealRelease(fresh.deployment.releaseId, goal.services, now)
      const stateNow = stateWhile(fresh.deployment.kind)
      if (stateNow) await tx.instances.update(record.instance.id, { state: stateNow })
      const from = record.instance.currentReleaseId
      await tx.deploys.updateDeployment(id, ['pending'], {
        state: 'running',
        startedAt: now,
        ...(from !== undefined ? { fromReleaseId: from } : {}),
        ...(goal.named ? { services: goal.named } : {}),
        ...progressAtStart(goal.named ?? fresh.deployment.services),
        step: 0,
        ...(plan.steps ? { stepCount: plan.steps.length } : {}),
        reason: { code: 'starting', text: 'the plan is made', since: now },
      })
      if (fault) await tx.work.saveUndo(id, { ...fault, end: 'failed', at: now })
      await tx.events.append({
        type: 'deploy.started',
        tenantId: record.instance.tenantId,
        instanceId: record.instance.id,
        deploymentId: id,
        releaseId: fresh.deployment.releaseId,
        data: {
          kind: fresh.deployment.kind,
          strategy: fresh.deployment.strategy,
          steps: plan.steps?.map(step => step.name) ?? [],
        },
      })
      return own
    })
    lease.advance(claim)
  } catch (error) {
    if (!isSlipwayError(error) || !noLongerPossible.has(error.code)) throw error
    await endPending(run, { code: error.code, error: error.message }, at)
    return undefined
  }
  parts.onCommit()
  const started = await store.work.run(id)
  const record = await store.work.load(lease.claim.instanceId)
  if (!started || !record || started.deployment.state !== 'running') return undefined
  parts.observer?.started(started.deployment)
  keeper.refresh(record, await specsOf(store, record, [started], keeper.specs))
  return started
}

/** What the store says now is what served before. */
async function takeUp(record: InstanceRecord | undefined, { parts, keeper }: Attendance): Promise<void> {
  if (record) keeper.refresh(record, await specsOf(parts.store, record, [], keeper.specs))
}

function freeze(
  run: Run,
  goal: Goal,
  made: Draft,
  specs: FrozenPlan['specs'],
  { parts, keeper }: Attendance,
): { plan: FrozenPlan; fault?: Pick<UndoCause, 'code' | 'error'> } {
  const { input } = made
  const { steps, fault } = planSteps(run.deployment, input, parts)
  const readyAtStart = Object.fromEntries(input.table.map(row => [row.revision, keeper.serving(row)]))
  const plan: FrozenPlan = {
    base: input.table,
    mode: input.mode === 'rollback' ? 'rollback' : 'deploy',
    old: input.old,
    next: input.next,
    // A stop goes to no services at all; its release describes those that are still there.
    specs: goal.services.length > 0 ? { ...specs, [goal.release]: goal.services } : specs,
    options: goal.options,
    ...(steps ? { steps } : {}),
    readyAtStart,
    replicas: goal.replicas,
    keepWarmMs: keepWarmMs(goal.options),
  }
  return { plan, ...(fault ? { fault } : {}) }
}

/** The steps a strategy plans, none when it decides while it runs; or why it could not. */
function planSteps(
  { strategy: name, instanceId }: Deployment,
  input: Draft['input'],
  { strategies, mask }: Attendance['parts'],
): { steps?: Step[]; fault?: Pick<UndoCause, 'code' | 'error'> } {
  const strategy = strategies.get(name)
  if (!strategy) throw new SlipwayError('unknown_strategy', `The strategy "${name}" is not registered any more.`)
  try {
    const steps = stepsOf(strategy, input)
    return steps ? { steps } : {}
  } catch (error) {
    if (!isSlipwayError(error)) throw error
    return { fault: { code: error.code, error: mask(instanceId, error.message) } }
  }
}

function keepWarmMs(options: Readonly<Record<string, unknown>>): number {
  const seconds = options.keepWarmSeconds
  return typeof seconds === 'number' ? seconds * 1000 : 0
}

function stateWhile(kind: Deployment['kind']): Instance['state'] | undefined {
  switch (kind) {
    case 'stop':
      return 'stopping'
    case 'start':
      return 'starting'
    case 'delete':
    case 'provision':
    case 'deploy':
    case 'rollback':
    case 'initial':
    case 'scale':
    case 'restart':
      return undefined
  }
}

function progressAtStart(services: Deployment['services']): Pick<Deployment, 'serviceProgress'> {
  if (services.length === 0) return {}
  return { serviceProgress: Object.fromEntries(services.map(service => [service.name, 'pending'])) }
}

/** Gives every routed service that has none yet a port on the router, before the plan is made. Resolves to the record as it is then. */
async function reservePorts(run: Run, { parts, lease }: Attendance): Promise<InstanceRecord | undefined> {
  const { store } = parts
  const { instanceId } = lease.claim
  const record = await store.work.load(instanceId)
  if (!record) return undefined
  const routed = await routedServices(run, record, store)
  const missing = new Set(routed.filter(service => record.ports[service] === undefined))
  for (const service of missing) await parts.ports.reserve(service, instanceId)
  return missing.size > 0 ? await store.work.load(instanceId) : record
}

async function routedServices(run: Run, record: InstanceRecord, store: Stores): Promise<string[]> {
  const { request } = run
  const { tenantId, id } = record.instance
  const names = (
    services: readonly { readonly name: string; readonly ports?: ServiceSnapshot['ports'] | undefined }[],
  ): string[] => services.filter(service => isRouted({ ports: service.ports ?? [] })).map(service => service.name)
  switch (request.kind) {
    case 'deploy':
      return [
        ...names((await store.deploys.activeRelease(tenantId, id))?.services ?? []),
        ...names(request.declared ?? request.services),
      ]
    case 'provision':
      return names(request.services)
    case 'rollback':
      return names((await store.deploys.getRelease(tenantId, request.releaseId))?.services ?? [])
    case 'scale':
    case 'restart':
    case 'start':
    case 'stop':
    case 'delete':
    case 'initial':
      return names((await store.deploys.activeRelease(tenantId, id))?.services ?? [])
  }
}
