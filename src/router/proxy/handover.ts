import { z } from 'zod'
import type { DrainReport, RevisionTraffic } from '../router.ts'

/** What the old process says to the new one over their channel. A `listener` brings its port's listening handle along. */
export type FromOld =
  | { readonly type: 'listener'; readonly port: number }
  | { readonly type: 'all' }
  /** The old one accepts nothing any more, and let go of the lock and the control socket. */
  | { readonly type: 'left' }
  | { readonly type: 'answer'; readonly id: number; readonly result: unknown }
  /** Nothing is open any more; these are its last numbers, by instance. */
  | { readonly type: 'final'; readonly traffic: Readonly<Record<string, readonly RevisionTraffic[]>> }

/** What the new process says to the old one. */
export type FromNew =
  /** The tables are read; listeners may come. */
  | { readonly type: 'loaded' }
  /** Every listener is in use. */
  | { readonly type: 'ready' }
  /** The control socket is the new one's. */
  | { readonly type: 'serving' }
  | { readonly type: 'traffic'; readonly id: number; readonly instanceId: string }
  | {
      readonly type: 'drain'
      readonly id: number
      readonly instanceId: string
      readonly replicaIds: readonly string[]
      readonly deadlineMs: number
    }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'forget'; readonly instanceId: string }

const traffic = z.array(z.custom<RevisionTraffic>())

/** An answer to `traffic`. */
export const trafficAnswer = traffic
/** An answer to `drain`. */
export const drainAnswer: z.ZodType<DrainReport> = z.object({
  drained: z.boolean(),
  cutRequests: z.int(),
  openWebSockets: z.int(),
})

/** A line from the old process, which may be of another version of ours. */
export const fromOldSchema: z.ZodType<FromOld> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('listener'), port: z.int() }),
  z.object({ type: z.literal('all') }),
  z.object({ type: z.literal('left') }),
  z.object({ type: z.literal('answer'), id: z.int(), result: z.unknown() }),
  z.object({ type: z.literal('final'), traffic: z.record(z.string(), traffic) }),
])

/** A line from the new process. */
export const fromNewSchema: z.ZodType<FromNew> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded') }),
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('serving') }),
  z.object({ type: z.literal('traffic'), id: z.int(), instanceId: z.string() }),
  z.object({
    type: z.literal('drain'),
    id: z.int(),
    instanceId: z.string(),
    replicaIds: z.array(z.string()),
    deadlineMs: z.number(),
  }),
  z.object({ type: z.literal('cancel'), id: z.int() }),
  z.object({ type: z.literal('forget'), instanceId: z.string() }),
])
