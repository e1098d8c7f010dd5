import { setImmediate } from 'node:timers/promises'
import type { Context } from 'hono'
import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import { SlipwayError } from '../errors.ts'
import type { LogLine, LogQuery } from '../provider/provider.ts'
import { wire } from '../wire.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import { ending, stillAllowed } from './events.ts'
import type { Frame } from './frame.ts'
import { json, resource, route } from './route.ts'
import { logPageSchema, logsQuery } from './schema/log.ts'
import { idParam } from './schema/shared.ts'
import { streamed } from './stream.ts'

const stream = { 200: { description: 'A stream', content: { 'text/event-stream': { schema: z.string() } } } }
const lines = { 200: json('Lines in the order of time', logPageSchema) }
const request = { params: idParam, query: logsQuery }
const resumable = { ...request, headers: z.object({ 'last-event-id': z.string().max(60).optional() }) }

const ofInstance = route('GET /v1/instances/{id}/logs', {
  summary: 'What the replicas of an instance wrote',
  request,
  responses: lines,
})
const followInstance = route('GET /v1/instances/{id}/logs/stream', {
  summary: 'What the replicas of an instance write, as server-sent events',
  request: resumable,
  responses: stream,
})
const ofDeployment = route('GET /v1/deployments/{id}/logs', {
  summary: 'What was written while a deployment ran',
  request,
  responses: lines,
})
const followDeployment = route('GET /v1/deployments/{id}/logs/stream', {
  summary: 'What is written from the start of a deployment on, as server-sent events',
  request: resumable,
  responses: stream,
})

/** Logs, secrets masked: of an instance, or of the time of a deployment. */
export function logs(parts: ServerParts) {
  return resource()
    .openapi(ofInstance, async c => {
      const { service, since, grep, tail = 200 } = c.req.valid('query')
      const instanceId = c.req.valid('param').id
      const query = given({ instanceId, service, since })
      const lines = grep === undefined ? await read(c, { ...query, tail }) : await lastOf(c, query, tail, { grep })
      return c.json({ items: wire(lines) }, 200)
    })
    .openapi(followInstance, async c => {
      const { service, since, grep, tail = 200 } = c.req.valid('query')
      const instanceId = c.req.valid('param').id
      await c.var.acting.instances.get(instanceId)
      return await follow(c, parts, given({ instanceId, service, since, tail }), grep)
    })
    .openapi(ofDeployment, async c => {
      const { service, since, grep, tail = 200 } = c.req.valid('query')
      const { instanceId, startedAt, finishedAt } = await c.var.acting.getDeployment(c.req.valid('param').id)
      if (startedAt === undefined) return c.json({ items: [] }, 200)
      const query = given({ instanceId, service, since: later(startedAt, since) })
      return c.json({ items: wire(await lastOf(c, query, tail, given({ grep, until: finishedAt }))) }, 200)
    })
    .openapi(followDeployment, async c => {
      const { service, since, grep } = c.req.valid('query')
      const { instanceId, startedAt, createdAt } = await c.var.acting.getDeployment(c.req.valid('param').id)
      return await follow(c, parts, given({ instanceId, service, since: later(startedAt ?? createdAt, since) }), grep)
    })
}

async function read(c: Context<ServerEnv>, query: LogQuery): Promise<LogLine[]> {
  const found: LogLine[] = []
  for await (const line of c.var.acting.logs(query, c.req.raw.signal)) found.push(line)
  return found
}

/** Which lines of a log are meant. */
interface Meant {
  /** A text they have; of the lines as they are told, so that nobody finds a secret by asking for it. */
  readonly grep?: string
  /** When the last of them was written. */
  readonly until?: string
}

/** So many lines are looked at before others have their turn. */
const linesPerTurn = 2000

/** The last lines that are meant, however many came after them; no more than twice as many are ever held. */
async function lastOf(
  c: Context<ServerEnv>,
  query: LogQuery,
  count: number,
  { grep = '', until }: Meant,
): Promise<LogLine[]> {
  let found: LogLine[] = []
  let looked = 0
  for await (const line of c.var.acting.logs(query, c.req.raw.signal)) {
    if (until !== undefined && line.at > until) break
    if (++looked % linesPerTurn === 0) await setImmediate()
    if (!line.text.includes(grep)) continue
    found.push(line)
    if (found.length > 2 * count) found = found.slice(-count)
  }
  return found.slice(-count)
}

function later(one: string, other: string | undefined): string {
  return other === undefined || Date.parse(one) >= Date.parse(other) ? one : other
}

async function follow(
  c: Context<ServerEnv>,
  parts: ServerParts,
  query: LogQuery,
  grep: string | undefined,
): Promise<Response> {
  const from = placeOf(c.req.header('Last-Event-ID'))
  const end = ending(c, parts)
  let asked = from ? given({ ...query, tail: undefined, since: from.at }) : query
  try {
    if (!from && grep !== undefined) asked = await fromFirst(c, query, grep)
  } catch (error) {
    end.abort()
    throw error
  }
  const lines = c.var.acting.logs({ ...asked, follow: true }, end.signal)
  return streamed(c, numbered(lines, from, grep), { beatMs: parts.beatMs, end, allowed: stillAllowed(c, parts) })
}

/** The query that begins with the first of the last lines that have this text; without one, with what was written just now. */
async function fromFirst(c: Context<ServerEnv>, { tail, ...rest }: LogQuery, grep: string): Promise<LogQuery> {
  if (tail === undefined) return rest
  const [first] = await lastOf(c, rest, tail, { grep })
  return first ? { ...rest, since: first.at } : { ...rest, tail }
}

/** A place in a log: a moment, and how many lines of that moment were given. */
interface Place {
  readonly at: string
  readonly count: number
}

/** Lines that have this text, with the places they have among all. */
async function* numbered(
  lines: AsyncIterable<LogLine>,
  from: Place | undefined,
  grep = '',
): AsyncGenerator<Frame, void> {
  let [at, count] = ['', 0]
  for await (const line of lines) {
    count = line.at === at ? count + 1 : 1
    at = line.at
    if (from && (at < from.at || (at === from.at && count <= from.count))) continue
    if (!line.text.includes(grep)) continue
    yield { id: `${at}~${count}`, data: wire(line) }
  }
}

function placeOf(id: string | undefined): Place | undefined {
  if (id === undefined) return undefined
  const [, at, count] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)~(\d{1,9})$/.exec(id) ?? []
  if (at !== undefined && !Number.isNaN(Date.parse(at))) return { at, count: Number(count) }
  throw new SlipwayError('invalid_request', `${JSON.stringify(id)} is no place in this stream.`, {
    next: 'Send the id of the last message as it was, or begin anew without one.',
    fields: [{ pointer: '/last-event-id', detail: 'the id of a message of this stream' }],
  })
}
