import { z } from 'zod'
import { taskRequestSchema, taskStates } from '../../task/task.ts'
import { wireSchema } from '../wire-schema.ts'
import { lastEventId, time } from './shared.ts'

/** One command, run once beside a service's replicas. */
export const taskSchema = z
  .object({
    id: z.string(),
    created_at: time,
    tenant_id: z.string(),
    instance_id: z.string(),
    service: z.string(),
    release_id: z.string().meta({ description: 'The release whose service it is.' }),
    command: z.array(z.string()),
    timeout_seconds: z.number().int(),
    state: z.enum(taskStates),
    started_at: time.optional(),
    finished_at: time.optional(),
    exit_code: z.number().int().optional(),
    output: z.array(z.string()).optional().meta({ description: 'The last lines it wrote; its log has all of them.' }),
    error: z.string().optional(),
    error_code: z.string().optional(),
    initiator: z.string(),
    cancelled_by: z.string().optional().meta({ description: 'Who asked for its end; until then it is being stopped.' }),
  })
  .meta({ id: 'Task' })

export const acceptedTaskSchema = taskSchema.extend({ last_event_id: lastEventId }).meta({ id: 'AcceptedTask' })

export const createTaskBody = wireSchema(taskRequestSchema).meta({ id: 'CreateTask' })
