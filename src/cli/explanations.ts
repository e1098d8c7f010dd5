import type { ErrorCode } from '../errors.ts'

/** What to do about each code of the server; what it means stands with the code itself. */
export const advice: Readonly<Record<ErrorCode, string>> = {
  invalid_request:
    'Look at the fields it names, each with what is wrong with it. `slipway COMMAND --help` and docs/api.md have every field.',
  unauthenticated:
    'Log in: slipway login. A token that expired or was revoked is told the same; slipway doctor says what is known of yours.',
  forbidden:
    'The token is good, but its scopes or its instances do not reach this. slipway tokens create makes one that does; who has the scope admin may.',
  not_found:
    'Look at the name, and at the tenant: another tenant’s things are answered like things that do not exist. slipway ps lists yours.',
  already_exists: 'Take another name, or use the thing that is there.',
  token_revoked: 'Make a new one: slipway tokens create.',
  webhook_disabled: 'Mend its receiver, then enable it: slipway webhooks update ID --enable.',
  quota_exceeded:
    'Delete or scale down what is not needed, or ask an operator for more. slipway plan tells beforehand.',
  tenant_suspended: 'What runs serves on. An operator lifts it.',
  tenant_not_empty: 'Delete its instances and secrets first.',
  method_not_allowed: 'docs/api.md lists the methods of each path.',
  body_too_large: 'Split what is sent; env of an instance may come to 256 kB.',
  unsupported_media_type: 'Send JSON, with Content-Type: application/json.',
  not_confirmed: 'Name what is to be destroyed: --confirm-name NAME.',
  precondition_required: 'Read the thing, and send its ETag as If-Match with the change.',
  precondition_failed: 'Somebody changed it meanwhile. Read it again, look at what is new, and ask again.',
  idempotency_key_reused: 'A key is for one request. Take a new one for another.',
  idempotency_in_flight:
    'Wait a moment, and send the same again with the same key: it is answered once the first has ended.',
  secret_already_shown: 'It was done. Rotate the token or webhook to have a new secret.',
  rate_limited: 'Wait as long as Retry-After says. Watch by the stream rather than by asking again and again.',
  unknown_strategy: 'Built in are rolling, blue-green, canary and recreate; others are given to createSlipway.',
  unknown_provider: 'Leave it out to use the default, or register it with createSlipway.',
  unknown_service: 'slipway ps INSTANCE lists its services.',
  unknown_secret: 'Store it first: slipway secrets set NAME.',
  unknown_reference: 'Name a service of the same instance that has a port, or take the reference out.',
  unknown_port: 'Declare the port under ports, or name one that is there.',
  missing_capability:
    'Take the field out, or use a provider that can do it: containers have limits and volumes, processes do not.',
  empty_services: 'Name at least one service: --image SERVICE=IMAGE.',
  duplicate_service: 'Name each service once.',
  empty_image: 'Give it an image: file:./folder or npm:package@version.',
  dependency_cycle: 'Take one of the depends_on out of the circle it names.',
  bad_health_check: 'A routed service is asked over http or tcp on a port that it declares; a worker by a command.',
  bad_options: 'docs/strategies.md has the options of each strategy with their defaults.',
  image_unavailable:
    'Nothing was touched. Look at the name and, for a package, at the registry that the server’s npm is configured with.',
  instance_state: 'The error names the state. A stopped instance is started first: slipway instances start NAME.',
  needs_attention:
    'The database is older than what runs, as after a restore. Look at it, then: slipway instances adopt NAME.',
  instance_busy:
    'Wait for what runs (--queue, the default of a deploy), take its place (--supersede), or look at it: slipway watch.',
  stale_release: 'Somebody deployed meanwhile. Look at what is active, and ask again with --expect-release of that.',
  never_active: 'Roll back to one that was: slipway releases INSTANCE lists them.',
  unrestorable: 'The release needs what is gone. Deploy its images again, which makes a new release.',
  already_ended: 'Nothing can be asked of it any more; slipway retry or slipway rollback start another.',
  undoing: 'It is on its way back already. slipway watch tells when it is there.',
  not_paused:
    'Nothing waits there. A hold is not a pause: it goes on by itself when its time is over and its checks pass.',
  not_retryable: 'Only what failed or was cancelled is tried again. Roll back with slipway rollback.',
  image_gone: 'The server’s copy was removed or damaged. Deploy the image again from where it comes.',
  bad_step: 'The strategy is at fault. See docs/decisions and the contract of a custom strategy in CONTRIBUTING.md.',
  plan_changed: 'A custom strategy has to ask for the same steps after a crash: no clock and no chance in it.',
  step_failed:
    'The error tells the last answers of the probe and the last lines of the log. What served before was put back unless restored is false.',
  progress_deadline:
    'No replica came up in time. Look at its log: slipway logs INSTANCE --deployment DEPLOYMENT; give it longer with the policy progress_deadline_ms.',
  crash_loop: 'The new replicas exit at once. Their log says why: slipway logs INSTANCE --deployment DEPLOYMENT.',
  check_failed:
    'The new release was worse than its check allows, and was undone. slipway watch DEPLOYMENT tells the value and the threshold.',
  task_interrupted:
    'The command may have happened half. Look at what it changed; if it bears being run again, say before: { command: …, rerun: true }.',
  task_timeout: 'Give it longer with --timeout, or make it shorter.',
  task_failed: 'Its output is in the log: slipway logs INSTANCE --deployment DEPLOYMENT. What it did is not undone.',
  pause_deadline:
    'It waited for a person for as long as the policy pause_deadline_ms allows, and was undone. Deploy it again.',
  strategy_failed: 'The strategy threw; the error carries its message. It was undone.',
  events_gone: 'Read the state anew, and go on from its last_event_id.',
  lease_lost: 'Another process has it now, and goes on with it. Ask again.',
  unavailable: 'It passes by itself, or the error names what to mend. slipway doctor looks at the parts.',
  disk_full: 'Make room on the disk of the data folder. What runs goes on serving.',
  overloaded: 'Ask again in a moment; the disk or the database is slower than what is asked of it.',
  ports_exhausted: 'Widen the port range, or delete instances that are not needed.',
  closed: 'The server is ending. Ask again when it is back.',
  internal: 'A defect: the log of the server tells more under the request id. Please report it.',
}

/** Codes that only the command line has: what they mean, and what to do. */
export const ownCodes: Readonly<Record<string, { readonly meaning: string; readonly next: string }>> = {
  usage: { meaning: 'The command line is not right.', next: '--help after any command shows what it takes.' },
  not_logged_in: {
    meaning: 'There is no token for this server.',
    next: 'Log in: slipway login. In CI set SLIPWAY_URL and SLIPWAY_TOKEN, or let the job prove who it is by OIDC.',
  },
  unknown_context: {
    meaning: 'There is no context of this name.',
    next: 'slipway context list shows them; slipway login makes one.',
  },
  bad_url: {
    meaning: 'What should be the address of a server is none.',
    next: 'It looks like https://slipway.example; slipway config --sources says where it came from.',
  },
  insecure_http: {
    meaning: 'A token would go to another machine over plain http.',
    next: 'Serve it by https, or say --insecure-http in a network that you trust.',
  },
  bad_retries: { meaning: 'SLIPWAY_RETRIES is not a number.', next: 'Unset it, or set a number from 0 on.' },
  config_malformed: {
    meaning: 'The file with the contexts can’t be understood.',
    next: 'Mend it, or remove it and log in again.',
  },
  config_unreadable: { meaning: 'The file with the contexts can’t be read.', next: 'Look at who owns it.' },
  config_unwritable: {
    meaning: 'The file with the contexts can’t be written.',
    next: 'Look at the folder and its disk, or set SLIPWAY_CONFIG.',
  },
  no_terminal: {
    meaning: 'Something is asked for, and there is nobody to ask.',
    next: 'The message names the flag that says it.',
  },
  interrupted: {
    meaning: 'Ctrl-C ended it.',
    next: 'Deployments are not touched by it: slipway watch comes back to one, slipway cancel stops it.',
  },
  connection_unreachable: {
    meaning: 'The server was not reached.',
    next: 'Is it up, and is the address right? slipway doctor',
  },
  connection_timeout: {
    meaning: 'The server did not answer in time.',
    next: 'It may have done what it was asked. Look, and ask again: a request that is sent again is done once.',
  },
  connection_cut: {
    meaning: 'The connection broke in the middle of an answer.',
    next: 'Ask again: a request that is sent again is done once.',
  },
  connection_malformed: {
    meaning: 'Whoever answered is not Slipway.',
    next: 'Is a proxy in between? slipway config --sources says which address is used.',
  },
  ambiguous: { meaning: 'Several things are meant by this.', next: 'The message lists them: name one in full.' },
  no_job_token: {
    meaning: 'GitHub did not say who this job is.',
    next: 'The job needs permissions: { id-token: write }.',
  },
  bad_time: {
    meaning: 'What should be a time or a length of time is none.',
    next: 'It looks like 2026-11-24T12:00:00Z, or 15m for fifteen minutes ago.',
  },
  no_image: {
    meaning: 'A deploy of one instance names at least one image.',
    next: '--image SERVICE=IMAGE, or leave the instance out to deploy what slipway.yaml says.',
  },
  which_service: {
    meaning: 'The instance has several services, and the image does not say whose it is.',
    next: '--image SERVICE=IMAGE',
  },
  bad_option: { meaning: 'An option of a strategy is a name and a value.', next: '--option hold-seconds=30' },
  empty_value: {
    meaning: 'A value is asked for, and what came is empty.',
    next: 'Pipe it in, or name a file that holds it: --file FILE',
  },
  file_unreadable: {
    meaning: 'A file that was named can’t be read.',
    next: 'Look at its name, and at who may read it.',
  },
  not_text: {
    meaning: 'The value of a secret is text.',
    next: 'Encode it first: base64 FILE | slipway secrets set NAME',
  },
  unknown_code: { meaning: 'There is no such code.', next: 'slipway explain lists them all.' },
  not_written: { meaning: 'A file is there already, and is not replaced.', next: 'Remove it, or say --force.' },
  nothing_found: {
    meaning: 'There is nothing in this folder to make a slipway.yaml of.',
    next: 'Name what there is: slipway init --name NAME --image IMAGE',
  },
  nothing_to_start: {
    meaning: 'The package has no program that could be started.',
    next: 'Give package.json a start script, or name a command in slipway.yaml.',
  },
  unreadable: { meaning: 'What was found can’t be read.', next: 'The message says which file, and why.' },
  bad_count: { meaning: 'What should be a count of replicas is none.', next: 'It looks like web=3' },
  nothing_to_change: { meaning: 'Nothing is named that should be changed.', next: '--help shows what can be.' },
  what_again: {
    meaning: 'What is to be sent again is not said, or is said twice.',
    next: 'Name one delivery, or a time with --since.',
  },
}
