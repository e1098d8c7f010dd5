import type { Generated } from 'kysely'

/** Milliseconds since 1970. */
type Ms = number
/** JSON as text. */
type Json = string

/** The tables, as rows lie in them: ids and JSON text, times integers. Their fields and codecs are with each port. */
export interface Schema {
  meta: { key: string; value: string }
  counters: { scope: string; name: string; value: number }
  workers: { id: string; beat_at: Ms }
  instances: InstanceTable
  deployments: DeploymentTable
  runs: { deployment_id: string; request: Json; plan: Json | null; undo_steps: Json | null }
  releases: ReleaseTable
  steps: StepTable
  signals: SignalTable
  events: EventTable
  /** Only where several processes write: events that were not numbered yet. */
  outbox: Omit<EventTable, 'seq'> & { place: Generated<number> }
  cursors: { subscriber: string; seq: number }
  secrets: SecretTable
  ports: { port: number; instance_id: string; purpose: string }
  tokens: TokenTable
  tenants: TenantTable
  requests: { id: string; digest: string; begun_at: Ms; answer: Json | null }
  audit: AuditTable
  tasks: TaskTable
  webhooks: WebhookTable
  deliveries: DeliveryTable
  samples: SampleTable
  health_spans: HealthSpanTable
  watches: { id: string; from_at: Ms; beat_at: Ms }
  pruned_images: { digest: string; at: Ms }
}

interface InstanceTable {
  seq: Generated<number>
  id: string
  tenant_id: string
  name: string
  state: string
  owner: string | null
  epoch: number
  /** When somebody should claim it, 0 at once; null when nothing waits. Null again once claimed. */
  wake_at: Ms | null
  signal_seq: number
  created_at: Ms
  updated_at: Ms
  deleted_at: Ms | null
  needs_attention: string | null
  expose: string | null
  provider: string
  current_release_id: string | null
  active_deployment_id: string | null
  hosts: Json
  policies: Json
  urls: Json
  removed_replicas: Json | null
  generations: Json
  ports: Json
  wanted: Json
  services: Json
}

interface DeploymentTable {
  seq: Generated<number>
  id: string
  tenant_id: string
  instance_id: string
  release_id: string
  kind: string
  state: string
  strategy: string
  created_at: Ms
  updated_at: Ms
  started_at: Ms | null
  finished_at: Ms | null
  watched_ms: number
  provider_ref: string | null
  error: string | null
  error_code: string | null
  initiator: string
  notes: string | null
  commit_sha: string | null
  from_release_id: string | null
  restored: number | null
  rolled_back_by: string | null
  retry_of: string | null
  step: number | null
  step_count: number | null
  reason: Json | null
  service_progress: Json | null
  undo: Json | null
  options: Json | null
  services: Json
}

interface ReleaseTable {
  id: string
  tenant_id: string
  instance_id: string
  version: number
  active: number
  created_at: Ms
  updated_at: Ms
  sealed_at: Ms | null
  activated_at: Ms | null
  notes: string | null
  commit_sha: string | null
  services: Json
}

interface StepTable {
  deployment_id: string
  phase: string
  position: number
  digest: string
  state: string
  began_at: Ms
  ended_at: Ms | null
  note: string | null
  running_at: Ms | null
  step: Json
}

interface SignalTable {
  id: string
  deployment_id: string
  instance_id: string
  seq: number
  kind: string
  gate: string | null
  sent_by: string
  cause: string | null
  at: Ms
}

interface EventTable {
  seq: Generated<number>
  id: string
  type: string
  at: Ms
  tenant_id: string
  instance_id: string | null
  deployment_id: string | null
  release_id: string | null
  data: Json | null
}

interface SecretTable {
  id: string
  tenant_id: string
  name: string
  version: number
  sealed: Uint8Array | null
  created_at: Ms
  revoked_at: Ms | null
}

interface AuditTable {
  seq: Generated<number>
  id: string
  created_at: Ms
  tenant_id: string
  actor: string
  token_id: string | null
  operator: number | null
  origin: Json | null
  action: string
  object: Json
  object_id: string
  instance_id: string | null
  before: Json | null
  after: Json | null
}

interface TaskTable {
  seq: Generated<number>
  id: string
  created_at: Ms
  tenant_id: string
  instance_id: string
  service: string
  release_id: string
  command: Json
  timeout_seconds: number
  state: string
  started_at: Ms | null
  finished_at: Ms | null
  exit_code: number | null
  output: Json | null
  error: string | null
  error_code: string | null
  initiator: string
  cancelled_by: string | null
  /** The worker that runs it, or ran it when it died. */
  owner: string | null
}

interface TenantTable {
  seq: Generated<number>
  id: string
  created_at: Ms
  updated_at: Ms
  title: string | null
  state: string
  reason: string | null
  quota: Json
  created_by: string
}

interface TokenTable {
  seq: Generated<number>
  id: string
  tenant_id: string
  name: string
  scopes: Json
  instances: Json | null
  allowed_ips: Json | null
  created_by: string
  created_at: Ms
  expires_at: Ms
  last_used_at: Ms | null
  rotated_at: Ms | null
  revoked_at: Ms | null
  hash: string
  /** Good until `previous_until`, after a rotation. */
  previous_hash: string | null
  previous_until: Ms | null
}

interface WebhookTable {
  seq: Generated<number>
  id: string
  tenant_id: string
  url: string
  description: string | null
  types: Json | null
  instances: Json | null
  enabled: number
  disabled: Json | null
  secret_versions: Json
  created_at: Ms
  updated_at: Ms
  /** How far of the log its deliveries were made. */
  place: number
}

interface DeliveryTable {
  seq: Generated<number>
  id: string
  webhook_id: string
  tenant_id: string
  event_id: string
  event_seq: number
  event_type: string
  instance_id: string | null
  /** Those of one lane are sent one after the other. */
  lane: string
  payload: string
  state: string
  created_at: Ms
  /** Null while another one of its lane comes first, and once it has ended. */
  next_at: Ms | null
  ended_at: Ms | null
  attempt_count: number
  attempts: Json
  replay_of: string | null
}

interface SampleTable {
  seq: Generated<number>
  deployment_id: string
  at: Ms
  span_ms: number
  shares: Json
  checks: Json | null
}

interface HealthSpanTable {
  seq: Generated<number>
  instance_id: string
  /** Empty for the instance as a whole. */
  service: string
  health: string
  from_at: Ms
  until_at: Ms | null
}
