import { z } from 'zod'
import { type ErrorCode, errorCodes, isSlipwayError, messageOf, roomFault, SlipwayError } from '../../errors.ts'
import type { DrainReport, RevisionTraffic, RouteTable } from '../router.ts'
import { routeTableSchema } from './schema.ts'

/** The version of these calls. Grows when one is added or changes its meaning. */
export const protocol = 2
/** The oldest that is still spoken, by the proxy to an older control plane as well as the other way round. `hello` and `upgrade` stay as they are for ever. */
export const oldestProtocol = 1

/** What the control socket understands: lines of JSON, `{ id, call, params }` one way and `{ id, result }` or `{ id, error }` back. */
export const callSchemas = {
  hello: z.object({}),
  apply: z.object({ table: routeTableSchema }),
  observe: z.object({ instanceId: z.string() }),
  tables: z.object({}),
  drain: z.object({ instanceId: z.string(), replicaIds: z.array(z.string()), deadlineMs: z.number().min(0) }),
  traffic: z.object({ instanceId: z.string() }),
  forget: z.object({ instanceId: z.string(), storeId: z.string(), epoch: z.int() }),
  check: z.object({}),
  upgrade: z.object({ node: z.string(), main: z.string() }),
  shutdown: z.object({}),
}

export type CallName = keyof typeof callSchemas
export type CallParams<C extends CallName> = z.infer<(typeof callSchemas)[C]>

/** Who answers on the control socket. */
export interface Hello {
  readonly pid: number
  readonly frontPort: number
  /** Of the package it runs. Absent in the first ones. */
  readonly version?: string
  /** The calls it understands, and the oldest of them. Absent: 1. */
  readonly protocol?: number
  readonly oldestProtocol?: number
}

/** What an upgrade answers in the place of a pid when the new process is not the one that serves now: another one took the place. */
export const noSuccessor = 0

/** What each call resolves to. */
export interface CallResults {
  hello: Hello
  apply: null
  observe: RouteTable | null
  tables: Pick<RouteTable, 'instanceId' | 'storeId' | 'epoch'>[]
  drain: DrainReport
  traffic: RevisionTraffic[]
  forget: null
  check: { ok: boolean; message: string }
  upgrade: { pid: number }
  shutdown: null
}

/** One line from client to proxy: a call, or the wish that an earlier one be dropped. */
export const requestSchema = z.union([
  z.object({ id: z.int(), call: z.enum(Object.keys(callSchemas) as CallName[]), params: z.unknown() }),
  z.object({ cancel: z.int() }),
])

const errorSchema = z.object({
  // A newer proxy may know more codes than we do; what happened is in the message all the same.
  code: z.enum(Object.keys(errorCodes) as ErrorCode[]).catch('internal'),
  message: z.string(),
  next: z.string().exactOptional(),
})

/** One line from proxy to client: an answer, or the word that it ends on purpose and need not be started again. */
export const answerSchema = z.union([
  z.object({ id: z.int(), error: errorSchema }),
  z.object({ id: z.int(), result: z.unknown() }),
  z.object({ bye: z.literal(true) }),
])

/** An error as it travels. */
export function errorLine(thrown: unknown): z.infer<typeof errorSchema> {
  const error = roomFault(thrown, 'The proxy cannot write a route table, and goes on by the last one')
  if (isSlipwayError(error)) {
    return { code: error.code, message: error.message, ...(error.next === undefined ? {} : { next: error.next }) }
  }
  if (error instanceof z.ZodError) return { code: 'invalid_request', message: z.prettifyError(error) }
  return { code: 'internal', message: messageOf(error) }
}

/** The error that traveled. */
export function errorOf(line: z.infer<typeof errorSchema>): SlipwayError {
  return new SlipwayError(line.code, line.message, line.next === undefined ? {} : { next: line.next })
}

/** Calls `onLine` with each whole line of what is fed to the function it returns. */
export function lines(onLine: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return chunk => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) onLine(part)
  }
}
