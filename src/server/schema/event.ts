import { z } from 'zod'
import { eventTypes } from '../../event/event.ts'
import { anything, paging, severalOf, tenantQuery, time } from './shared.ts'

export const eventSchema = z
  .object({
    id: z.string(),
    seq: z.number().int().meta({ description: 'Its place in the one order of all events.' }),
    at: time,
    type: z.enum(eventTypes),
    tenant_id: z.string(),
    instance_id: z.string().optional(),
    deployment_id: z.string().optional(),
    release_id: z.string().optional(),
    data: anything.optional(),
  })
  .meta({ id: 'Event' })

/** A place in the log: what `last_event_id` and the ids of the stream say. */
export const place = z.string().regex(/^\d{1,15}$/, 'must be the id of an event in the stream')

const scope = {
  ...tenantQuery,
  type: severalOf(eventTypes).optional(),
  instance_id: z.string().max(100).optional(),
  deployment_id: z.string().max(100).optional(),
}

export const eventsQuery = z.object({ ...scope, limit: paging.limit, after: place.optional() })
export const eventStreamQuery = z.object({ ...scope, after: place.optional() })

export const eventPageSchema = z
  .object({
    items: z.array(eventSchema),
    last_event_id: z.string().meta({ description: 'Pass it as `after` to read on.' }),
    reset: z
      .literal(true)
      .optional()
      .meta({ description: 'The log does not reach back to `after`: read the state anew.' }),
  })
  .meta({ id: 'EventPage' })
