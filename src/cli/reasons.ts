import type { ErrorCode } from '../errors.ts'

/** Why a code of the server comes: what mostly was the case. What to do stands in `explanations.ts`. */
export const reasons: Readonly<Record<ErrorCode, string>> = {
  invalid_request:
    'A name was mistyped, a number is out of its bounds, or the request was made for another version of the API.',
  unauthenticated:
    'No token was sent, it was mistyped or cut, it expired or was revoked, or a job’s token is for another audience.',
  forbidden:
    'Tokens are made with as little as they need: this one lacks a scope, is for other instances, or for a tenant only.',
  not_found: 'It was deleted, it never was, or it belongs to another tenant than the one that is asked as.',
  already_exists:
    'Names are unique within a tenant, and another one has this one; perhaps the same request was sent twice.',
  token_revoked: 'Revoking is final. Of two who rotate one token at once, only the first has a new one.',
  webhook_disabled:
    'Somebody disabled it, or its receiver refused deliveries for so long that it was disabled by itself.',
  quota_exceeded:
    'Instances, replicas and deployments of a tenant count against what an operator set; stopped ones count as well.',
  tenant_suspended: 'An operator suspended or deleted the tenant; its tokens still read.',
  tenant_not_empty: 'Deleting a tenant deletes nothing that runs, so nothing of it may be left.',
  method_not_allowed: 'A path was right and the verb was not: PUT where it is PATCH, or GET on what is only done.',
  body_too_large: 'A file was sent in the place of its name, or many services with a large environment.',
  unsupported_media_type: 'A client that sends forms by default, such as curl without a header, was used.',
  not_confirmed:
    'What cannot be undone asks for the name of what is meant, so that no script destroys the wrong thing.',
  precondition_required: 'Two who change the same thing at once would undo each other’s change without knowing.',
  precondition_failed: 'Between reading and writing somebody else wrote, or a deployment moved on.',
  idempotency_key_reused:
    'A client makes its keys of something that comes again, such as a date, or changed the request it repeats.',
  idempotency_in_flight: 'A client gave up waiting and sent the request again while the first still ran.',
  secret_already_shown:
    'The answer that carried the secret was lost on its way, and the same request came again; secrets are not kept.',
  rate_limited: 'Something asks in a loop, or many share one token or one address.',
  unknown_strategy: 'The name is mistyped, or the strategy is a custom one that this server was not started with.',
  unknown_provider: 'The name is mistyped, or it is a provider that this server was not started with.',
  unknown_service: 'The name is mistyped, or the service was removed by a later release.',
  unknown_secret: 'It was never stored for this tenant, it was deleted, or the version a release used was revoked.',
  unknown_reference: 'The service was renamed or removed, or it is a worker, which has no address.',
  unknown_port: 'A health check or a host names a port by another name than the service does.',
  missing_capability: 'Providers differ: a process has no limits and no user of its own, and no volume but $DATA.',
  empty_services: 'The list was filtered until nothing was left, as by a CI job that found no change.',
  duplicate_service: 'Two parts of a file, or two flags, name the same service.',
  empty_image: 'A variable that should hold it was empty where the request was made.',
  dependency_cycle: 'A needs B, and B, perhaps by way of others, needs A: neither could be the first.',
  bad_health_check:
    'It asks a service without a port over the network, or a timeout is longer than what it has to fit into.',
  bad_options: 'An option belongs to another strategy, its name is mistyped, or weights do not rise to 100.',
  image_unavailable:
    'The folder is not on the server’s machine or was not built, the package or its version is not published, or nothing says what to run.',
  instance_state: 'It is stopped, being deleted, or needs attention, and what was asked fits another state.',
  needs_attention:
    'The database went back in time, so it does not know what was done since; whatever it did could remove what is new.',
  instance_busy:
    'Deployments of one instance go one after the other, and another one has not ended: it may wait at a pause.',
  stale_release: 'A colleague or a CI job was quicker: the release this was made for is not the newest any more.',
  never_active: 'It failed or was cancelled before it took traffic, so nobody knows whether it works.',
  unrestorable: 'A secret was revoked, or its images were pruned after nobody had needed them for long.',
  already_ended: 'It ended between the look at it and the request: by success, by failure, or by somebody’s cancel.',
  undoing: 'A step failed or somebody cancelled, and what served before is being put back.',
  not_paused: 'Somebody promoted it already, it is on its way to the pause, or the pause has another name.',
  not_retryable: 'It succeeded, or it has not ended: there is nothing that failed.',
  image_gone: 'Somebody cleaned up in the data folder, a disk lost it, or a backup was restored without images.',
  bad_step: 'A custom strategy made a table by hand and changed more than its step says.',
  plan_changed:
    'The strategy depends on a clock, on chance or on something outside, which was another one after the restart.',
  step_failed: 'The new replicas never became healthy, or what the step needs could not be had.',
  progress_deadline:
    'The program takes long to start, listens on another port than $PORT, or its health check asks for the wrong path.',
  crash_loop: 'The program ends as soon as it starts: a variable is missing, a file is not there, or a port is taken.',
  check_failed: 'More errors, or slower answers, than before; little traffic makes such a figure jump.',
  task_interrupted: 'The machine or the provider stopped in the middle of it, and nothing says that it may run twice.',
  task_timeout:
    'It waits for a lock, for input or for a service that does not answer, or it has simply more to do than before.',
  task_failed:
    'The command ended with another code than 0: a migration that does not fit, or a program that is not there.',
  pause_deadline: 'Who was to promote did not see it, or the deadline is shorter than a night.',
  strategy_failed: 'A custom strategy has a defect, or met a table that it was not written for.',
  events_gone: 'Who reads was away for longer than events are kept.',
  lease_lost: 'This process was stopped or starved for longer than its lease lasts, and another one took over.',
  unavailable: 'The database, npm’s registry or a provider is down or slow, or a limit of the system was met.',
  disk_full: 'Logs, images or the data of services grew, or something else on the same disk did.',
  overloaded: 'A burst of requests meets a slow disk: what is promised is on disk before it is answered.',
  ports_exhausted: 'Many replicas run, or other programs listen on ports of the range.',
  closed: 'The server was told to stop, as for an upgrade.',
  internal: 'Something happened that nobody thought of.',
}

/** The same of codes that only the command line has. */
export const ownReasons: Readonly<Record<string, string>> = {
  usage: 'A word or a flag is mistyped, missing, or does not go with another one.',
  not_logged_in: 'Nobody logged in from here, or --url and SLIPWAY_URL name another server than the token is for.',
  unknown_context: 'It was logged out of, or is kept in another file: SLIPWAY_CONFIG and HOME decide which.',
  bad_url: 'http:// or https:// is missing, or a variable held something else.',
  bad_retries: 'The variable was set to a word, or to a negative number.',
  config_malformed: 'It was edited by hand, or another program writes to the same place.',
  config_unreadable: 'It belongs to another user, as after sudo.',
  config_unwritable: 'The folder belongs to another user, the disk is full, or it may only be read.',
  no_terminal: 'It runs in CI, in a pipe or by cron, where a question would wait for ever.',
  interrupted: 'Somebody pressed it, or the terminal was closed.',
  connection_unreachable: 'It is not started, listens at another address, or a firewall is in between.',
  connection_timeout: 'It is busy or stands still, or a proxy in between holds answers back.',
  connection_cut: 'The server was restarted, or a proxy ended a connection that it thought idle.',
  connection_malformed: 'A login page, a proxy’s error or another program is served at this address.',
  ambiguous: 'Several tenants have something of this name, or the beginning of an id fits several.',
  no_job_token: 'The workflow does not ask for it, or it runs for a fork, which gets none.',
  bad_time: 'The unit is missing, or it is written as people say it: “yesterday”.',
  no_image: 'Without an image there is nothing that a deploy of an instance could change.',
  which_service: 'It had one service once, and a command that worked then leaves out the name.',
  bad_option: 'The = is missing, or a shell took the quotes away.',
  empty_value: 'The command before the pipe failed, or the file is empty.',
  file_unreadable: 'The name is taken from the folder one is in, and that is another one.',
  not_text: 'It is a key or a certificate in its binary form.',
  unknown_code: 'It is mistyped, or it is of a newer version than this command.',
  not_written: 'Nothing is overwritten without being asked: it may hold work of yours.',
  nothing_found:
    'It is run in another folder than the application’s, or everything there is from a registry of containers.',
  nothing_to_start: 'It is a library, or its program is started by another tool.',
  unreadable: 'It belongs to another user, or it is not of the form that its name says.',
  bad_count: 'The = is missing, or the count is not a whole number from 1 on.',
  nothing_to_change: 'All flags are optional, and none was given.',
  what_again: 'Deliveries are sent again one by one, or all from a time on, and not both.',
  insecure_http: 'The address begins with http://, and is not this machine.',
}
