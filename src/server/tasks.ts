import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import type { LogLine } from '../provider/provider.ts'
import type { Acting } from '../slipway.ts'
import { type Task, type TaskRequest, taskEnded, taskLogName } from '../task/task.ts'
import { unwire, wire } from '../wire.ts'
import { etagOf } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { ending, stillAllowed } from './events.ts'
import type { Frame } from './frame.ts'
import { pageAnswer } from './links.ts'
import { body, json, resource, route } from './route.ts'
import { logPageSchema } from './schema/log.ts'
import { idParam, pageOf, paging, tenantQuery } from './schema/shared.ts'
import { acceptedTaskSchema, createTaskBody, taskSchema } from './schema/task.ts'
import { streamed } from './stream.ts'

const one = { params: idParam, query: z.object(tenantQuery) }

const list = route('GET /v1/instances/{id}/tasks', {
  summary: 'One-off tasks of an instance, newest first',
  request: { params: idParam, query: z.object({ ...paging, ...tenantQuery }) },
  responses: { 200: json('A page', pageOf(taskSchema)) },
})
const create = route('POST /v1/instances/{id}/tasks', {
  summary: "Run a command once in a service's revision and environment",
  request: { ...one, body: body(createTaskBody) },
  responses: { 202: json('It waits to be started', acceptedTaskSchema) },
})
const get = route('GET /v1/tasks/{id}', {
  summary: 'One task',
  versioned: true,
  request: one,
  responses: { 200: json('The task', taskSchema) },
})
const cancel = route('POST /v1/tasks/{id}/cancel', {
  summary: 'Stop a task: SIGTERM, and SIGKILL after the grace of its service',
  request: one,
  responses: { 202: json('As it is now', acceptedTaskSchema) },
})
const lines = route('GET /v1/tasks/{id}/logs', {
  summary: 'What a task wrote',
  request: {
    params: idParam,
    query: z.object({ ...tenantQuery, tail: z.coerce.number().int().min(1).max(5000).optional() }),
  },
  responses: { 200: json('Lines in the order of time', logPageSchema) },
})
const follow = route('GET /v1/tasks/{id}/logs/stream', {
  summary:
    'What a task writes, from its first line to its end, as server-sent events; it ends with `event: end`, which is the task',
  request: {
    ...one,
    headers: z.object({
      'last-event-id': z
        .string()
        .regex(/^\d{1,9}$/)
        .optional(),
    }),
  },
  responses: { 200: { description: 'A stream', content: { 'text/event-stream': { schema: z.string() } } } },
})

/** One-off tasks: a command, its output, and its exit code. */
export function tasks(parts: ServerParts) {
  return resource()
    .openapi(list, async c => {
      const { limit, cursor } = c.req.valid('query')
      const page = await c.var.acting.tasks.list(c.req.valid('param').id, given({ limit, cursor }))
      return c.json(pageAnswer(c, parts, page), 200)
    })
    .openapi(create, async c => {
      const place = await c.var.acting.events.place()
      const request = unwire(c.req.valid('json')) as TaskRequest
      const task = await c.var.acting.tasks.run(c.req.valid('param').id, request)
      c.header('Location', `${parts.basePath}/v1/tasks/${task.id}`)
      return c.json({ ...wire(task), last_event_id: String(place) }, 202)
    })
    .openapi(get, async c => {
      const task = await c.var.acting.tasks.get(c.req.valid('param').id)
      c.set('etag', etagOf(task))
      return c.json(wire(task), 200)
    })
    .openapi(cancel, async c => {
      const place = await c.var.acting.events.place()
      const task = await c.var.acting.tasks.cancel(c.req.valid('param').id)
      c.header('Location', `${parts.basePath}/v1/tasks/${task.id}`)
      return c.json({ ...wire(task), last_event_id: String(place) }, 202)
    })
    .openapi(lines, async c => {
      const task = await c.var.acting.tasks.get(c.req.valid('param').id)
      const items: LogLine[] = []
      for await (const line of linesOf(c.var.acting, task, c.req.raw.signal, c.req.valid('query').tail))
        items.push(line)
      return c.json({ items: wire(items) }, 200)
    })
    .openapi(follow, async c => {
      const task = await c.var.acting.tasks.get(c.req.valid('param').id)
      const from = Number(c.req.valid('header')['last-event-id'] ?? 0)
      const end = ending(c, parts)
      const frames = toItsEnd(c.var.acting, task, from, end.signal)
      return streamed(c, frames, { beatMs: parts.beatMs, end, allowed: stillAllowed(c, parts) })
    })
}

function linesOf(
  acting: Acting,
  task: Task,
  signal: AbortSignal,
  tail?: number,
  follow = false,
): AsyncIterable<LogLine> {
  const { instanceId, service } = task
  return acting.logs(given({ instanceId, service, replicaName: taskLogName(task), tail, follow }), signal)
}

/** Every line from a place on, as it is written; once the task has ended, what was not told yet. A line's place is its number. */
async function* toItsEnd(acting: Acting, task: Task, from: number, signal: AbortSignal): AsyncGenerator<Frame, void> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const ended = acting.tasks.finished(task.id, until).then(
    () => over.abort(),
    () => over.abort(), // nobody listens any more, or the log of events is closed
  )
  let told = from
  let seen = 0
  for await (const line of linesOf(acting, task, until, undefined, true)) {
    if (++seen <= told) continue
    yield { id: String(++told), data: wire(line) }
  }
  await ended
  seen = 0
  if (signal.aborted) return
  for await (const line of linesOf(acting, task, signal)) {
    if (++seen <= told) continue
    yield { id: String(++told), data: wire(line) }
  }
  const end = await acting.tasks.get(task.id)
  // Otherwise its end could not be waited for, and who listens comes again.
  if (taskEnded(end)) yield { id: String(told), event: 'end', data: wire(end) }
}
