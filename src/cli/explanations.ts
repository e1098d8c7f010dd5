import type { ErrorCode } from '../errors.ts'

/** What `slipway explain` says of a code beside its meaning. */
export interface Explanation {
  /** How one comes to meet it. */
  readonly why: string
  /** What mends it. */
  readonly todo: string
}

/** Every code that a server answers or a deployment ends with. */
export const explanations: Readonly<Record<ErrorCode, Explanation>> = {
  invalid_request: {
    why: 'A field was left out, is misspelt, or has a value that is not of its form. Each such field is named, with what is wrong with it.',
    todo: 'Mend the fields that are named. The OpenAPI document of the server (/v1/openapi.json) has the form of every request.',
  },
  unauthenticated: {
    why: 'There was no token, or it is not known to this server, has expired or was revoked. A token of another server is not known here.',
    todo: 'See who you are and where: slipway context show. Then log in: slipway login. In CI, set SLIPWAY_TOKEN.',
  },
  forbidden: {
    why: 'The token is good, but not for this: it lacks the scope, is for other instances or networks, or only an operator may do it.',
    todo: 'Use a token with the scope that is named, or ask whoever may: slipway tokens create NAME --scope SCOPE.',
  },
  not_found: {
    why: 'The id or name is misspelt, the thing was deleted, or it belongs to another tenant: what is not yours is told as not there.',
    todo: 'List what there is, for example with slipway ps. An operator names the tenant: --tenant ID.',
  },
  already_exists: {
    why: 'A name can be used once, and something has it already.',
    todo: 'Choose another name, or change what is there: an instance is deployed to, a secret is rotated.',
  },
  token_revoked: {
    why: 'Somebody revoked the token, or rotated it in the same moment, so this change was made for a token that is no longer as it was.',
    todo: 'See how it stands: slipway tokens list. A token that was revoked stays so; create another.',
  },
  webhook_disabled: {
    why: 'Somebody disabled the webhook, or its receiver answered 410 and is not asked any more.',
    todo: 'Enable it: slipway webhooks update WEBHOOK --enable. It is told of what happens from then on; replay what came before.',
  },
  quota_exceeded: {
    why: 'The tenant has a limit of instances, replicas, deployments or memory, and this would go over it.',
    todo: 'Delete or scale down what is not needed, or have an operator raise it: slipway tenants quota set TENANT.',
  },
  tenant_suspended: {
    why: 'An operator suspended or deleted the tenant. What runs runs on; nothing new is begun.',
    todo: 'Ask the operator, who sees why with slipway tenants get TENANT, and ends it with slipway tenants activate TENANT.',
  },
  tenant_not_empty: {
    why: 'A tenant is deleted only when nothing of it is left, so that nothing runs that belongs to nobody.',
    todo: 'Delete its instances and its secrets first.',
  },
  method_not_allowed: {
    why: 'A program asked a path that is there by a method that it does not have.',
    todo: 'Look the route up in the OpenAPI document; the Allow header of the answer names its methods.',
  },
  body_too_large: {
    why: 'The request is larger than the server reads: most often a file was sent where a small value is meant.',
    todo: 'Send less. Large things belong into an image or a volume, and not into a request.',
  },
  unsupported_media_type: {
    why: 'A program sent a body without the header Content-Type: application/json, or in another form.',
    todo: 'Send JSON, and say so in the header.',
  },
  not_confirmed: {
    why: 'What can not be undone asks for the name of what it destroys, and it was not given or is another one.',
    todo: 'Type the name when asked, or give it as --confirm-name NAME where nobody can be asked.',
  },
  precondition_required: {
    why: 'A program changed something without saying which version of it it has seen, so it could have undone a change of somebody else.',
    todo: 'Read the thing, and send its ETag as If-Match.',
  },
  precondition_failed: {
    why: 'Somebody changed it between the moment it was read and this change.',
    todo: 'Look at it again, and decide again: run the command once more.',
  },
  idempotency_key_reused: {
    why: 'A program sent the same Idempotency-Key with two different requests within 24 hours.',
    todo: 'Make a new key for each thing to be done, and use it again only to repeat that one.',
  },
  idempotency_in_flight: {
    why: 'The same request is being worked on right now: it was sent twice.',
    todo: 'Wait a moment and send it again with the same key: the answer of the first is given.',
  },
  secret_already_shown: {
    why: 'The request was done, but its answer got lost on the way, and a secret is shown only once.',
    todo: 'Rotate what was made, for a new secret: slipway tokens rotate TOKEN, slipway webhooks rotate WEBHOOK.',
  },
  rate_limited: {
    why: 'Too many requests came with this token, or too many were refused that came from this address.',
    todo: 'Wait as long as is said and go slower. Follow a stream instead of asking again and again: slipway watch, slipway events -f.',
  },
  unknown_strategy: {
    why: 'The name of the strategy is misspelt, or it is one that this server was not given.',
    todo: 'Use rolling, blue-green, canary or recreate.',
  },
  unknown_provider: {
    why: 'The instance is to run on a provider that this server was not given.',
    todo: 'Use one that it has: the error names them. Who embeds Slipway hands providers to createSlipway.',
  },
  unknown_service: {
    why: 'The name of a service is misspelt, or the instance does not have it.',
    todo: 'See its services: slipway ps INSTANCE. A service is added by naming it with an image and all it needs.',
  },
  unknown_secret: {
    why: 'A service asks for a secret that the tenant does not keep, or for a version of it that was destroyed.',
    todo: 'See what there is: slipway secrets list. Keep it: slipway secrets set NAME.',
  },
  unknown_reference: {
    why: 'An environment value has $URL_NAME for a service that is not part of the release or listens on no port.',
    todo: 'Mend the name, or declare a port on the service that is meant.',
  },
  unknown_port: {
    why: 'A health check, a host or a rule names a port that its service does not declare.',
    todo: 'Declare the port, or name one that is declared.',
  },
  missing_capability: {
    why: 'A service asks for something (a user, a limit, a volume) that the provider of the instance can not do on this machine.',
    todo: 'Leave it out, or run the instance on a provider that can.',
  },
  empty_services: {
    why: 'The request names no service at all.',
    todo: 'Name at least one, with its image: slipway deploy INSTANCE --image SERVICE=IMAGE.',
  },
  duplicate_service: { why: 'The same service stands twice in the request.', todo: 'Name each service once.' },
  empty_image: { why: 'A service was named with an empty image.', todo: 'Give it one: --image SERVICE=IMAGE.' },
  dependency_cycle: {
    why: 'Services wait for each other in a circle, so none of them could start first.',
    todo: 'Take one of the dependencies in the circle away; the error names it.',
  },
  bad_health_check: {
    why: 'The check as written could never succeed: a timeout that is longer than its interval allows, or a port that is not there.',
    todo: 'Mend what the error names.',
  },
  bad_options: {
    why: 'An option is misspelt, out of its range, or belongs to another strategy.',
    todo: 'See the options of the strategy in docs/strategies.md, and what would happen with slipway plan.',
  },
  image_unavailable: {
    why: 'The image is not where its name says, the registry did not give it, or it is damaged. Nothing was changed.',
    todo: 'Mend the name, or push the image; look whether this machine reaches the registry.',
  },
  instance_state: {
    why: 'The instance is stopped, deleted or on its way to it, and what was asked does not fit that.',
    todo: 'See how it stands: slipway ps INSTANCE. A stopped one is started with slipway instances start INSTANCE.',
  },
  needs_attention: {
    why: 'A deployment failed and what served before could not be restored, so Slipway does not guess what is true.',
    todo: 'Look: slipway ps INSTANCE, slipway logs INSTANCE. Then say that you did: slipway instances adopt INSTANCE.',
  },
  instance_busy: {
    why: 'Another deployment of the instance runs, and the caller asked to be refused instead of waiting.',
    todo: 'Follow the other (slipway watch), wait for it (--queue), or replace it (--supersede).',
  },
  stale_release: {
    why: 'Somebody deployed since you looked: another release is active than --expect-release names.',
    todo: 'See what was brought out (slipway releases INSTANCE), and decide again.',
  },
  never_active: {
    why: 'A rollback brings back what has served before, and this release never has: its deployment failed or was cancelled.',
    todo: 'Choose one that was active: slipway releases INSTANCE. Or deploy its images anew.',
  },
  unrestorable: {
    why: 'The release needs a version of a secret that was destroyed, or a copy of an image that was pruned.',
    todo: 'Choose another release (slipway releases INSTANCE), or deploy anew.',
  },
  already_ended: {
    why: 'The deployment was over before this arrived.',
    todo: 'See what became of it: slipway watch DEPLOYMENT. What succeeded is undone by slipway rollback INSTANCE.',
  },
  undoing: {
    why: 'The deployment failed or was cancelled, and what served before is being put back. That is not interrupted.',
    todo: 'Follow it to its end: slipway watch DEPLOYMENT.',
  },
  not_paused: {
    why: 'A promote lets a deployment go on that waits at a pause; this one does not, or waits at another one.',
    todo: 'See where it is: slipway watch DEPLOYMENT. One that a person paused goes on with slipway resume.',
  },
  not_retryable: {
    why: 'The deployment succeeded or still runs, so there is nothing to ask for again.',
    todo: 'Deploy: slipway deploy INSTANCE.',
  },
  image_gone: {
    why: 'The folder that keeps copies of images was changed by somebody else, or was lost.',
    todo: 'Deploy again with an image that can be fetched. Restore the data folder from a backup when more is gone.',
  },
  bad_step: {
    why: 'A strategy of your own made a step that does not follow from the one before it.',
    todo: 'Mend the strategy: make its tables with next(table, move), as CONTRIBUTING.md shows.',
  },
  plan_changed: {
    why: 'A strategy of your own is not pure: asked again after an interruption, it decided otherwise.',
    todo: 'Mend the strategy: no clock, no randomness, nothing read from outside.',
  },
  step_failed: {
    why: 'A step of the rollout was tried and did not come true; the deployment says which one and why.',
    todo: 'Read its reason (slipway watch DEPLOYMENT) and the logs (slipway logs INSTANCE), then slipway retry DEPLOYMENT.',
  },
  progress_deadline: {
    why: 'New replicas did not become healthy in time: they start slowly, their health check fails, or they wait for something that is not there.',
    todo: 'Read their logs: slipway logs INSTANCE --deployment DEPLOYMENT. Look at the health check and the deadline.',
  },
  crash_loop: {
    why: 'The program ends by itself soon after it was started, again and again.',
    todo: 'Read why: slipway logs INSTANCE --deployment DEPLOYMENT. Most often a variable, a secret or a file is missing.',
  },
  check_failed: {
    why: 'While the new release had part of the traffic, an error rate, a latency or a command of a hold went over its threshold.',
    todo: 'Compare with the release before, and read the logs. When the threshold is too strict, change the check.',
  },
  task_interrupted: {
    why: 'The machine or the control plane went down while the command ran, and it is not said to be safe to run twice.',
    todo: 'See how far it came, mend what it left half done, then slipway retry DEPLOYMENT.',
  },
  task_timeout: {
    why: 'The command took longer than its timeout allows.',
    todo: 'Read what it wrote, make it faster, or give it more time.',
  },
  task_failed: {
    why: 'The command ended with an exit code that is not 0, or by a signal.',
    todo: 'Read what it wrote: slipway logs INSTANCE. Nothing was switched over.',
  },
  pause_deadline: {
    why: 'The plan has a pause that waits for a person only so long, and nobody said go.',
    todo: 'Deploy again, and promote in time: slipway promote DEPLOYMENT. Or give the pause a longer deadline.',
  },
  strategy_failed: {
    why: 'A strategy of your own threw an error.',
    todo: 'Read the error in the log of the server, and mend the strategy.',
  },
  events_gone: {
    why: 'A reader was away longer than events are kept, so what came between is not known any more.',
    todo: 'Read the state anew, and follow from now on.',
  },
  lease_lost: {
    why: 'Another process took the instance over while this one was held up. It dropped its work, and nothing was done twice.',
    todo: 'Nothing: whoever holds it now goes on. Ask again when a request was refused with it.',
  },
  unavailable: {
    why: 'The database, the proxy, a provider or a registry does not answer at the moment, or the server is just closing.',
    todo: 'Try again in a moment. When it lasts: slipway doctor, and the log of the server.',
  },
  disk_full: {
    why: 'The disk of the data folder is full, or so nearly that what is left is kept for what runs and for rollbacks.',
    todo: 'Make room on that disk. Nothing that was committed is lost, and what waits goes on by itself.',
  },
  overloaded: {
    why: 'More was asked at once than the disk can write down in time.',
    todo: 'Try again in a moment, with less at once. When it lasts, the disk is too slow or busy with something else.',
  },
  ports_exhausted: {
    why: 'Every port of the range for replicas is in use, by Slipway or by other programs.',
    todo: 'Scale something down, or give Slipway a larger range.',
  },
  closed: {
    why: 'The control plane was closed in the middle of the call. What was asked may have been written down.',
    todo: 'Start it again and look: what was begun goes on by itself.',
  },
  internal: {
    why: 'A case that Slipway did not foresee.',
    todo: 'Report it, with the request id and what the log of the server has under it.',
  },
}
