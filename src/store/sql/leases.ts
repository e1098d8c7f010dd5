import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { Claim, WorkStore } from '../../deploy/work.ts'
import { SlipwayError } from '../../errors.ts'
import type { Schema } from './schema.ts'
import { atomic, type Session, transaction } from './session.ts'
import { statement, update } from './statement.ts'

/** How long a worker counts as alive after its last beat, milliseconds. */
export const workerTtlMs = 5_000
/** How far the clock may go back before that counts as a jump, milliseconds: less only makes somebody wait so much longer. */
const setBackMs = 1000

type Leases = Pick<
  WorkStore,
  | 'registerWorker'
  | 'beat'
  | 'removeWorker'
  | 'claimDue'
  | 'claim'
  | 'fence'
  | 'advance'
  | 'release'
  | 'raise'
  | 'wake'
  | 'nextWake'
  | 'living'
>

/** A claim, and the moment since which its worker must have beaten. */
type Holding = Pick<Claim, 'instanceId' | 'owner' | 'epoch'> & { readonly aliveAfter: number }

/** Whether a row is held by this claim, and the heart of its worker beats. */
function holds(
  e: ExpressionBuilder<Schema, 'instances'>,
  { instanceId, owner, epoch, aliveAfter }: Holding,
): Expression<SqlBool> {
  const worker = e.selectFrom('workers').select('id').where('id', '=', owner).where('beat_at', '>', aliveAfter)
  return e.and([e('id', '=', instanceId), e('owner', '=', owner), e('epoch', '=', epoch), e.exists(worker)])
}

/** Finds the row while the claim holds, and locks it until the transaction ends. Compiled once: it is part of every transaction of the engine. */
const fencing = statement<Holding, { signal_seq: number }>((db, of) =>
  db
    .selectFrom('instances')
    .select('signal_seq')
    .where(e =>
      holds(e, { instanceId: of('instanceId'), owner: of('owner'), epoch: of('epoch'), aliveAfter: of('aliveAfter') }),
    )
    .forNoKeyUpdate(),
)

/** Compiled once, as each deployment begins with it. */
const advancing = statement<Holding, { epoch: number }>((db, of) =>
  db
    .updateTable('instances')
    .set({ epoch: sql`epoch + 1` })
    .where(e =>
      holds(e, { instanceId: of('instanceId'), owner: of('owner'), epoch: of('epoch'), aliveAfter: of('aliveAfter') }),
    )
    .returning('epoch'),
)

/** Compiled once, as each deployment wakes its instance, and the lease is given back after it. */
const waking = statement<{ instanceId: string; wakeAt: number }, never>((db, of) =>
  db
    .updateTable('instances')
    .set({ wake_at: dueBy(of('wakeAt')) })
    .where('id', '=', of('instanceId')),
)
const releasing = update<{ $id: string; $owner: string; $epoch: number; $wakeAt: number; $seq: number }, object>(
  (db, of, changes, given) => {
    const owned = db
      .updateTable('instances')
      .set({ ...changes, wake_at: dueBy(given.includes('wakeAt') ? of('$wakeAt') : null) })
      .where('id', '=', of('$id'))
      .where('owner', '=', of('$owner'))
      .where('epoch', '=', of('$epoch'))
    return (given.includes('seq') ? owned.where('signal_seq', '=', of('$seq')) : owned).returning('id')
  },
)

/** Workers and their leases. A lease is the instance's row: owner and epoch. */
export function leases(session: Session): Leases {
  const { db, urgent, clock } = session
  let beatenAt = 0
  const holding = ({ instanceId, owner, epoch }: Claim): Holding => ({
    instanceId,
    owner,
    epoch,
    aliveAfter: clock.now() - workerTtlMs,
  })
  return {
    async registerWorker(worker) {
      await atomic(session, async ({ db }) => {
        const now = clock.now()
        if ((await newestStamp(db)) > now + setBackMs) await rouse(db)
        beatenAt = now
        if (session.flavour.soleProcess) {
          await free(db)
          await db.deleteFrom('workers').execute()
        } else await free(db, worker)
        await db
          .insertInto('workers')
          .values({ id: worker, beat_at: now })
          .onConflict(c => c.column('id').doUpdateSet({ beat_at: now }))
          .execute()
      })
      if (!session.flavour.soleProcess) await reap(session)
    },

    async beat(worker) {
      const now = clock.now()
      if (beatenAt > now + setBackMs) await rouse(urgent)
      beatenAt = now
      const { numUpdatedRows } = await urgent
        .updateTable('workers')
        .set({ beat_at: now })
        .where('id', '=', worker)
        .where('beat_at', '>', now - workerTtlMs)
        .executeTakeFirst()
      const lives = numUpdatedRows > 0n || (await beatLate(session, worker))
      if (!session.flavour.soleProcess) await reap(session)
      return lives
    },

    async removeWorker(worker) {
      await atomic(session, async ({ db }) => {
        await free(db, worker)
        await db.deleteFrom('workers').where('id', '=', worker).execute()
      })
    },

    async claimDue(worker, limit) {
      const due = db
        .selectFrom('instances')
        .select('id')
        .where('owner', 'is', null)
        .where('wake_at', '<=', clock.now())
        .orderBy('wake_at')
        .limit(limit)
        .forNoKeyUpdate()
        .skipLocked()
      // Read once, whatever plan is made: twice it would find others, as those of the first time are locked.
      const read = db.with(
        cte => cte('due').materialized(),
        () => due,
      )
      return take(read, worker, sql<SqlBool>`id in (select due.id from due)`)
    },

    async claim(worker, instanceId) {
      const [claim] = await take(db, worker, sql<SqlBool>`id = ${instanceId} and deleted_at is null`)
      return claim
    },

    async fence(claim) {
      const [held] = await fencing(session, holding(claim))
      if (!held) throw leaseLost(claim)
      return held.signal_seq
    },

    async advance(claim) {
      const [held] = await advancing(session, holding(claim))
      if (!held) throw leaseLost(claim)
      return { ...claim, epoch: held.epoch }
    },

    async release({ instanceId, owner, epoch }, wakeAt, signalSeq) {
      const given = [...(wakeAt === null ? [] : ['wakeAt']), ...(signalSeq === undefined ? [] : ['seq'])]
      const claim = { $id: instanceId, $owner: owner, $epoch: epoch, $wakeAt: wakeAt ?? 0, $seq: signalSeq ?? 0 }
      return (await releasing(session, { owner: null }, claim, given)).length > 0
    },

    async raise(claim, epoch) {
      const { numUpdatedRows } = await db
        .updateTable('instances')
        .set({ owner: null, epoch: Math.max(claim.epoch, epoch), wake_at: dueBy(0) })
        .where(e => holds(e, holding(claim)))
        .executeTakeFirst()
      if (numUpdatedRows === 0n) throw leaseLost(claim)
    },

    async wake(instanceId) {
      await waking(session, { instanceId, wakeAt: clock.now() })
    },

    async nextWake() {
      const row = await db
        .selectFrom('instances')
        .select('wake_at')
        .where('owner', 'is', null)
        .where('wake_at', 'is not', null)
        .orderBy('wake_at')
        .limit(1)
        .executeTakeFirst()
      return row?.wake_at ?? undefined
    },

    async living() {
      const rows = await db
        .selectFrom('instances')
        .select('id')
        .where('deleted_at', 'is', null)
        .orderBy('seq')
        .execute()
      return rows.map(({ id }) => id)
    },
  }
}

function leaseLost({ instanceId, owner, epoch }: Claim): SlipwayError {
  return new SlipwayError('lease_lost', `Worker "${owner}" no longer holds instance "${instanceId}" at epoch ${epoch}.`)
}

/**
 * When an instance is due: at the given time, or earlier where that is written already. A claim clears what is written, so a wake that
 * came while the instance was owned is not lost when the lease is given back. A deleted instance is never due.
 */
export function dueBy(wakeAt: number | null): Expression<number | null> {
  return wakeAt === null
    ? sql<number | null>`case when deleted_at is null then wake_at end`
    : sql<
        number | null
      >`case when deleted_at is not null then null when wake_at < ${wakeAt} then wake_at else ${wakeAt} end`
}

/** Gives leases back as due at once: those of one worker, or all. */
async function free(db: Kysely<Schema>, worker?: string): Promise<void> {
  const owned = db.updateTable('instances').set({ owner: null, wake_at: dueBy(0) })
  await (worker === undefined ? owned.where('owner', 'is not', null) : owned.where('owner', '=', worker)).execute()
}

/** The latest moment that is written anywhere something is written often. */
async function newestStamp(db: Kysely<Schema>): Promise<number> {
  const event = await db.selectFrom('events').select('at').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  const worker = await db.selectFrom('workers').select('beat_at').orderBy('beat_at', 'desc').limit(1).executeTakeFirst()
  return Math.max(event?.at ?? 0, worker?.beat_at ?? 0)
}

/**
 * The clock was set back: what was due is so at a moment that may be hours away now. All that wait are due, and whoever has to wait on
 * says so again.
 */
async function rouse(db: Kysely<Schema>): Promise<void> {
  await db
    .updateTable('instances')
    .set({ wake_at: dueBy(0) })
    .where('owner', 'is', null)
    .where('wake_at', 'is not', null)
    .execute()
}

/** A beat after the TTL does not bring leases back: what they fenced was refused meanwhile, so they are free for the next claim. */
async function beatLate(session: Session, worker: string): Promise<boolean> {
  return atomic(session, async ({ db }) => {
    const { numUpdatedRows } = await db
      .updateTable('workers')
      .set({ beat_at: session.clock.now() })
      .where('id', '=', worker)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return false
    await free(db, worker)
    return true
  })
}

/** Frees what dead workers had. Anybody does it, as nobody knows who is left. */
async function reap(session: Session): Promise<void> {
  const deadSince = session.clock.now() - workerTtlMs
  const dead = await session.urgent.selectFrom('workers').select('id').where('beat_at', '<=', deadSince).execute()
  for (const { id } of dead) {
    await transaction(session, async ({ db }) => {
      const gone = await db
        .deleteFrom('workers')
        .where('id', '=', id)
        .where('beat_at', '<=', deadSince)
        .executeTakeFirst()
      if (gone.numDeletedRows > 0n) await free(db, id)
    })
  }
}

async function take(
  db: Pick<Kysely<Schema>, 'updateTable'>,
  worker: string,
  which: Expression<SqlBool>,
): Promise<Claim[]> {
  const rows = await db
    .updateTable('instances')
    .set({ owner: worker, epoch: sql`epoch + 1`, wake_at: null })
    .where('owner', 'is', null)
    .where(which)
    .returning(['id', 'tenant_id', 'epoch'])
    .execute()
  return rows.map(row => ({ instanceId: row.id, tenantId: row.tenant_id, owner: worker, epoch: row.epoch }))
}
