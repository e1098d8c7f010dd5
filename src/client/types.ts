import type { z } from 'zod'
import type { auditEntrySchema, auditExportQuery, auditQuery } from '../server/schema/audit.ts'
import type {
  acceptedSchema,
  allowedActionSchema,
  deployBody,
  deploymentQuery,
  deploymentSchema,
  oneDeploymentSchema,
  performedStepSchema,
  planSchema,
  promoteBody,
  rollbackBody,
} from '../server/schema/deployment.ts'
import type { eventPageSchema, eventSchema, eventStreamQuery, eventsQuery } from '../server/schema/event.ts'
import type {
  healthQuery,
  healthSchema,
  instanceItemSchema,
  timelineSchema,
  trackedReleaseSchema,
  trafficSchema,
} from '../server/schema/history.ts'
import type {
  adoptedSchema,
  createdSchema,
  createInstanceBody,
  instanceQuery,
  instanceSchema,
  oneInstanceSchema,
  restartBody,
  scaleBody,
  serviceStatusSchema,
  summarySchema,
  updateInstanceBody,
} from '../server/schema/instance.ts'
import type { logLineSchema, logPageSchema, logsQuery } from '../server/schema/log.ts'
import type { codeSchema, problemSchema } from '../server/schema/problem.ts'
import type { releaseSchema } from '../server/schema/release.ts'
import type { rotateSecretBody, secretSchema, storeSecretBody } from '../server/schema/secret.ts'
import type { differenceSchema, replicaSchema, stepSchema } from '../server/schema/service.ts'
import type { paging } from '../server/schema/shared.ts'
import type { acceptedTaskSchema, createTaskBody, taskSchema } from '../server/schema/task.ts'
import type {
  createTenantBody,
  quotaBody,
  quotaUseSchema,
  tenantSchema,
  updateTenantBody,
} from '../server/schema/tenant.ts'
import type {
  createTokenBody,
  issuedSchema,
  rotateTokenBody,
  tokenSchema,
  whoamiSchema,
} from '../server/schema/token.ts'
import type {
  createWebhookBody,
  deliveriesQuery,
  deliverySchema,
  issuedWebhookSchema,
  oneDeliverySchema,
  replayWebhookBody,
  rotateWebhookBody,
  updateWebhookBody,
  webhookSchema,
} from '../server/schema/webhook.ts'

// Every type is that of the schema the server validates with, so none is written twice. Fields and values may be added: ignore what you do not know.

export type Instance = z.output<typeof instanceSchema>
export type OneInstance = z.output<typeof oneInstanceSchema>
export type Created = z.output<typeof createdSchema>
export type Adopted = z.output<typeof adoptedSchema>
export type Summary = z.output<typeof summarySchema>
export type ServiceStatus = z.output<typeof serviceStatusSchema>
export type Replica = z.output<typeof replicaSchema>
export type CreateInstance = Body<typeof createInstanceBody>
export type UpdateInstance = Body<typeof updateInstanceBody>
export type Scale = Body<typeof scaleBody>
export type Restart = Body<typeof restartBody>
export type InstanceQuery = Filter<typeof instanceQuery>

export type Release = z.output<typeof releaseSchema>
export type Difference = z.output<typeof differenceSchema>

export type Deployment = z.output<typeof deploymentSchema>
export type Accepted = z.output<typeof acceptedSchema>
export type OneDeployment = z.output<typeof oneDeploymentSchema>
export type AllowedAction = z.output<typeof allowedActionSchema>
export type Step = z.output<typeof stepSchema>
export type PerformedStep = z.output<typeof performedStepSchema>
export type Plan = z.output<typeof planSchema>
export type DeployRequest = Body<typeof deployBody>
export type RollbackRequest = Body<typeof rollbackBody>
export type Promote = Body<typeof promoteBody>
export type DeploymentQuery = Filter<typeof deploymentQuery>

export type Event = z.output<typeof eventSchema>
export type EventPage = z.output<typeof eventPageSchema>
export type EventQuery = Filter<typeof eventsQuery>
export type EventStreamQuery = Filter<typeof eventStreamQuery>

export type LogLine = z.output<typeof logLineSchema>
export type LogPage = z.output<typeof logPageSchema>
export type LogQuery = Filter<typeof logsQuery>

export type Secret = z.output<typeof secretSchema>
export type StoreSecret = Body<typeof storeSecretBody>
export type RotateSecret = Body<typeof rotateSecretBody>

export type Token = z.output<typeof tokenSchema>
export type IssuedToken = z.output<typeof issuedSchema>
export type Whoami = z.output<typeof whoamiSchema>
export type CreateToken = Body<typeof createTokenBody>
export type RotateToken = Body<typeof rotateTokenBody>

export type Task = z.output<typeof taskSchema>
export type AcceptedTask = z.output<typeof acceptedTaskSchema>
export type CreateTask = Body<typeof createTaskBody>

export type AuditEntry = z.output<typeof auditEntrySchema>
export type AuditQuery = Filter<typeof auditQuery>
export type AuditExportQuery = Filter<typeof auditExportQuery>

export type Webhook = z.output<typeof webhookSchema>
export type IssuedWebhook = z.output<typeof issuedWebhookSchema>
export type Delivery = z.output<typeof deliverySchema>
export type OneDelivery = z.output<typeof oneDeliverySchema>
export type CreateWebhook = Body<typeof createWebhookBody>
export type UpdateWebhook = Body<typeof updateWebhookBody>
export type RotateWebhook = Body<typeof rotateWebhookBody>
export type ReplayWebhook = Body<typeof replayWebhookBody>
export type DeliveriesQuery = Filter<typeof deliveriesQuery>

export type Tenant = z.output<typeof tenantSchema>
export type QuotaUse = z.output<typeof quotaUseSchema>
export type CreateTenant = Body<typeof createTenantBody>
export type UpdateTenant = Body<typeof updateTenantBody>
export type SetQuota = Body<typeof quotaBody>

export type Timeline = z.output<typeof timelineSchema>
export type Traffic = z.output<typeof trafficSchema>
export type Health = z.output<typeof healthSchema>
export type HealthQuery = Filter<typeof healthQuery>
export type InstanceItem = z.output<typeof instanceItemSchema>
export type TrackedRelease = z.output<typeof trackedReleaseSchema>

export type Problem = z.output<typeof problemSchema>
export type Code = z.output<typeof codeSchema>

/** How much of a list is read at once, and from where. */
export type PageQuery = z.output<z.ZodObject<typeof paging>>

/** One page of a list. */
export interface Page<T> {
  readonly items: T[]
  /** The `cursor` of the next page; absent on the last. */
  readonly next_cursor?: string | undefined
  readonly total: number
  /** There are more than `total`: long lists across instances are counted up to 10,000. */
  readonly total_is_at_least?: true | undefined
}

/** A list that does not come in pages. */
export interface Items<T> {
  readonly items: T[]
}

/** What a body may hold. */
export type Body<S extends z.ZodType> = z.input<S>

/** What a list is asked for. Where several values can be named, one is enough; the tenant is an option of every call. */
export type Filter<S extends z.ZodType> = {
  readonly [K in keyof Omit<z.output<S>, 'tenant'>]: OneOrMore<Omit<z.output<S>, 'tenant'>[K]>
}

type OneOrMore<V> = V extends readonly (infer E extends string)[] ? Word<E> | readonly Word<E>[] : V

/** These words are known; the server may know more, `active` for several at once among them. */
type Word<E extends string> = E | (string & {})
