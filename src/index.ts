export type { Action, AuthProvider, CallerConnection, Claims, Origin, Scope } from './auth/auth.ts'
export { actionScopes, everyTenant } from './auth/auth.ts'
export type { OidcIssuer, OidcRule } from './auth/oidc/config.ts'
export type { Token } from './auth/token.ts'
export type { CreateTokenRequest, IssuedToken, RotateTokenRequest, TokenService } from './auth/token-service.ts'
export { type Clock, systemClock, type Timestamp } from './clock.ts'
export type { AllowedAction, DeploymentAction } from './deploy/actions.ts'
export type { CheckChart, RevisionChart, TrafficChart } from './deploy/chart.ts'
export type {
  Deployment,
  DeploymentKind,
  DeploymentState,
  Reason,
  ServiceDeploySpec,
  ServiceProgress,
} from './deploy/deployment.ts'
export { hasEnded } from './deploy/deployment.ts'
export type { Difference } from './deploy/diff.ts'
export type { Eta, Expectation } from './deploy/eta.ts'
export type { DeploymentListOptions, InstanceListOptions, Summary } from './deploy/find.ts'
export type { HistoryService } from './deploy/history-service.ts'
export type { PerformedStep } from './deploy/performed.ts'
export type { PlanPreview } from './deploy/preview.ts'
export type { DeploymentProgress } from './deploy/progress.ts'
export type { Release } from './deploy/release.ts'
export type { DeployRequest, RollbackRequest } from './deploy/schema.ts'
export type { DeployService } from './deploy/service.ts'
export { asks, transitions } from './deploy/states.ts'
export type { Check, Move, Revision, Row, Step, Table, Weights } from './deploy/step.ts'
export type { DeployListResult, ListOptions, Page, ReleaseListResult } from './deploy/store.ts'
export { stepsFrom } from './deploy/strategies/steps.ts'
export {
  type PlanInput,
  type PlannedService,
  planned,
  type Rollout,
  type Strategy,
  type StrategyParams,
} from './deploy/strategy.ts'
export { next } from './deploy/table.ts'
export type { Timeline, TimelineBar, TimelineLane, TimelineMark, TimelinePhase } from './deploy/timeline.ts'
export type { TrackedRelease } from './deploy/track-record.ts'
export type { Store, Stores } from './deploy/work.ts'
export { type Pruned, type Retention, retentionDefaults } from './engine/caretaker.ts'
export { type ErrorCode, errorCodes, type FieldError, isSlipwayError, SlipwayError } from './errors.ts'
export type { EventBus } from './event/bus.ts'
export { type Event, type EventType, eventTypes } from './event/event.ts'
export type { EventScope, EventService } from './event/service.ts'
export type { Attempt, Delivery, DeliveryState, Webhook } from './event/webhook.ts'
export type {
  CreateWebhookRequest,
  ReplayWebhookRequest,
  RotateWebhookRequest,
  UpdateWebhookRequest,
} from './event/webhook-schema.ts'
export type { IssuedWebhook, WebhookService } from './event/webhook-service.ts'
export type { FaultHook, FaultPoint, FaultWrite } from './fault/point.ts'
export { checkDefaults, type Health, type HealthCheck } from './health/check.ts'
export type { CheckFunction } from './health/checks.ts'
export type { Adopted } from './instance/adopt.ts'
export type { InstanceGlance } from './instance/glance.ts'
export { type Instance, type InstancePolicies, type InstanceState, policyDefaults } from './instance/instance.ts'
export type { Created, InstanceService } from './instance/operate.ts'
export type { CreateInstanceRequest, UpdateInstanceRequest } from './instance/schema.ts'
export type { BeforeTask, DeclaredService, ServiceSnapshot, ServiceSpec } from './instance/service.ts'
export type { InstanceStatus, ReplicaStatus } from './instance/status.ts'
export type { HealthHistory } from './instance/uptime.ts'
export type { Log } from './observe/log.ts'
export type { Metrics, MetricsOptions } from './observe/prometheus/metrics.ts'
export { processProvider } from './provider/process/provider.ts'
export type { LogLine, LogQuery, Provider, Replica } from './provider/provider.ts'
export { type ProviderRegistry, providerRegistry } from './provider/registry.ts'
export { defaultReserveBytes, type Space } from './room.ts'
export { proxyRouter, stopProxy } from './router/proxy/router.ts'
export type { RevisionTraffic, Router, RouteTable } from './router/router.ts'
export type { SecretService } from './secrets/service.ts'
export type { SecretInfo, Vault } from './secrets/vault.ts'
export {
  type Acting,
  type Caller,
  createSlipway,
  type PortRanges,
  type Slipway,
  type SlipwayOptions,
  type WebhookOptions,
} from './slipway.ts'
export { type Moved, type MoveOptions, moveToPostgres } from './store/move/move.ts'
export type { PostgresConnectionOptions } from './store/postgres/connections.ts'
export { type PostgresStoreOptions, postgresStore } from './store/postgres.ts'
export { sqliteStore } from './store/sqlite.ts'
export type { LimitUse, QuotaPreview } from './tenant/quota.ts'
export type { CreateTenantRequest, QuotaRequest, UpdateTenantRequest } from './tenant/schema.ts'
export type { OwnTenant, QuotaUse, TenantService } from './tenant/service.ts'
export type { Quota, Tenant, TenantState } from './tenant/tenant.ts'
export { wire } from './wire.ts'
