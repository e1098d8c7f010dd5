import { type Clock, timestamp } from '../clock.ts'
import type { FrozenPlan, Run } from '../deploy/run.ts'
import type { Table } from '../deploy/step.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { isHeld, policyDefaults } from '../instance/instance.ts'
import { isRouted } from '../instance/service.ts'
import { type Attendance, specsOf } from './context.ts'
import { succeed } from './finish.ts'
import { forward } from './rollout.ts'
import { start } from './start.ts'
import { undo } from './undo.ts'
import { watchProgress } from './watch.ts'
import { wentBack } from './went-back.ts'

/** How soon what an instance leaves behind is tried to be removed again, milliseconds. */
const insistMs = 500

/**
 * The work on one instance while it is ours: its deployments one after the other, then rest. Resolves when the lease was given back;
 * rejects with `lease_lost` when it was taken.
 */
export async function attend(at: Attendance): Promise<'rests' | 'parked'> {
  try {
    return await work(at)
  } catch (error) {
    const { ahead } = at.keeper
    if (!ahead) throw error
    try {
      await wentBack(ahead, at)
    } catch (failure) {
      // Finding it ended the lease, so that nobody else tells why it could not be written.
      if (!isSlipwayError(failure, 'lease_lost')) {
        const data = { instance: at.keeper.instanceId, error: messageOf(failure) }
        at.parts.log.warn(data, 'the database went back, which could not be written; it is tried again')
      }
      throw failure
    }
    return 'rests'
  }
}

async function work(at: Attendance): Promise<'rests' | 'parked'> {
  const { parts, lease, keeper } = at
  const { store } = parts
  await parts.learnSecrets({ id: lease.claim.instanceId, tenantId: lease.claim.tenantId })
  await keeper.survey()
  lease.signal.throwIfAborted()
  const record = await store.work.load(lease.claim.instanceId)
  if (record && isHeld(record.instance) !== keeper.held) await refresh(at, [])
  for (;;) {
    // What was under way when the database was younger waits until somebody says that it is still wanted.
    const [run] = keeper.held ? [] : await store.work.queue(lease.claim.instanceId)
    if (run) {
      const end = await carry(run, at)
      if (end === 'parked') return 'parked'
      parts.onlooker?.ended(run.deployment.id)
      if (end === 'deleted') {
        await store.work.release(lease.claim, null)
        keeper.dispose()
        return 'rests'
      }
      continue
    }
    const found = await rest(at)
    if (found && !keeper.held) await addressAll(await expireWarm(found, at), at)
    await calm(at)
    if (await giveBack(at)) {
      keeper.hint()
      return 'rests'
    }
  }
}

/** Brings one deployment to its end, or to a point where it waits without a lease. */
async function carry(waiting: Run, at: Attendance): Promise<'ended' | 'parked' | 'deleted'> {
  const { parts, lease } = at
  const { store } = parts
  let run: Run | undefined = waiting.deployment.state === 'pending' ? await start(waiting, at) : waiting
  if (run && waiting.deployment.state !== 'pending') await refresh(at, [run])
  while (run?.deployment.state === 'running' && run.plan) {
    const { plan } = run
    parts.onlooker?.follow(run.deployment.id, run.deployment.instanceId)
    if (run.undo) {
      await undo(run, plan, at)
      return 'ended'
    }
    const reached = await forward(run, plan, at)
    switch (reached.kind) {
      case 'done': {
        if (run.deployment.kind === 'delete' && !(await forget(run, plan, at))) break
        if (await succeed(run, plan, reached, at)) return run.deployment.kind === 'delete' ? 'deleted' : 'ended'
        break
      }
      case 'parked':
        // Whatever died meanwhile is healed before it waits on, else nobody would.
        await calm(at)
        if (await store.work.release(lease.claim, reached.wakeAt, reached.signalSeq)) return 'parked'
        break
      case 'undo':
      case 'ended':
        break
    }
    run = await store.work.run(run.deployment.id)
  }
  return 'ended'
}

/**
 * Removes what a deleted instance leaves behind outside the store, once nothing of it runs: an earlier delete may have got stuck after it
 * had taken the rows away. Resolves to false when this one gets stuck as well.
 */
async function forget(run: Run, plan: FrozenPlan, { parts, lease, keeper }: Attendance): Promise<boolean> {
  const patienceMs = keeper.policies.progressDeadlineMs ?? policyDefaults.progressDeadlineMs
  const watch = watchProgress({ parts, keeper, plan, patienceMs })
  try {
    await keeper.until(view => {
      // Quiet as well: a start that was asked for before must not land after everything was forgotten.
      if (view.observed && view.replicas.length === 0 && keeper.quiet) return true
      watch(view)
      return undefined
    }, lease.signal)
    await insist(patienceMs, parts.clock, lease.signal, async () => {
      await parts.router.forget(keeper.instanceId, lease.fence)
      await parts.providers.get(keeper.providerName).forget(keeper.instanceId, lease.fence)
    })
    return true
  } catch (error) {
    if (lease.signal.aborted || isSlipwayError(error, 'lease_lost')) throw error
    const at = timestamp(parts.clock.now())
    const code = isSlipwayError(error) ? error.code : 'step_failed'
    await parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      await tx.work.saveUndo(run.deployment.id, { end: 'failed', code, error: messageOf(error), at })
    })
    return false
  }
}

/** Tries again until it works, or has not for so long; then it throws what went wrong last. */
async function insist(patienceMs: number, clock: Clock, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  const until = clock.monotonic() + patienceMs
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (signal.aborted || isSlipwayError(error, 'lease_lost') || clock.monotonic() >= until) throw error
      await clock.sleep(insistMs, signal)
    }
  }
}

/** What the store says now is what is wanted. */
async function refresh({ parts, keeper }: Attendance, runs: readonly Run[]): Promise<InstanceRecord | undefined> {
  const record = await parts.store.work.load(keeper.instanceId)
  if (record) keeper.refresh(record, await specsOf(parts.store, record, runs, keeper.specs))
  return record
}

/** Nothing is being rolled out: the table is kept as it is. */
async function rest(at: Attendance): Promise<InstanceRecord | undefined> {
  const record = await refresh(at, [])
  at.keeper.want(at.keeper.table, 'healing')
  return record
}

/** Rows whose time has come are taken out of the table; enforcing does the rest. Resolves to the record as it is then. */
async function expireWarm(record: InstanceRecord, at: Attendance): Promise<InstanceRecord> {
  const { parts, lease, keeper } = at
  const now = timestamp(parts.clock.now())
  if (!record.table.some(row => isExpired(row, now))) return record
  await parts.store.transaction(async tx => {
    await tx.work.fence(lease.claim)
    const fresh = await tx.work.load(keeper.instanceId)
    if (fresh) await tx.work.patch(keeper.instanceId, { table: fresh.table.filter(row => !isExpired(row, now)) })
  })
  return (await rest(at)) ?? record
}

/** An instance that was recorded while it ran may have routed services without an address yet. */
async function addressAll(record: InstanceRecord, at: Attendance): Promise<void> {
  const { parts, keeper } = at
  const specs = await specsOf(parts.store, record, [], keeper.specs)
  const routed = record.table.filter(row =>
    specs[row.release]?.some(spec => spec.name === row.service && isRouted(spec)),
  )
  const missing = new Set(routed.map(row => row.service).filter(service => record.ports[service] === undefined))
  for (const service of missing) await parts.ports.reserve(service, keeper.instanceId)
  if (missing.size > 0) await rest(at)
}

function isExpired(row: Table[number], now: string): boolean {
  return row.keepUntil !== undefined && row.weight === 0 && row.keepUntil <= now
}

/** Enforces until nothing is left to do right now, or until somebody has something to say. */
async function calm({ keeper, lease }: Attendance): Promise<void> {
  const mark = keeper.heardSoFar
  await keeper.until(() => (keeper.quiet || keeper.heardSoFar !== mark ? true : undefined), lease.signal)
}

/** Gives the lease back unless something came in meanwhile. It is due again when the next warm row runs out. */
async function giveBack({ parts, lease, keeper }: Attendance): Promise<boolean> {
  return await parts.store.transaction(async tx => {
    const seq = await tx.work.fence(lease.claim)
    const waiting = await tx.work.queue(keeper.instanceId)
    const record = await tx.work.load(keeper.instanceId)
    if (waiting.length > 0 && !keeper.held) return false
    const ends = (keeper.held ? [] : (record?.table ?? [])).flatMap(row =>
      row.keepUntil !== undefined && row.weight === 0 ? [Date.parse(row.keepUntil)] : [],
    )
    return await tx.work.release(lease.claim, ends.length > 0 ? Math.min(...ends) : null, seq)
  })
}
