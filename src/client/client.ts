import { type AuditClient, audit } from './audit.ts'
import { caller } from './call.ts'
import { type DeploymentsClient, deployments } from './deployments.ts'
import { type EventsClient, events } from './events.ts'
import { type InstancesClient, instances } from './instances.ts'
import { type MetaClient, meta } from './meta.ts'
import { type ClientOptions, settingsOf } from './options.ts'
import { type ReleasesClient, releases } from './releases.ts'
import { type SecretsClient, secrets } from './secrets.ts'
import { streamer } from './stream.ts'
import { type TasksClient, tasks } from './tasks.ts'
import { type TenantsClient, tenants } from './tenants.ts'
import { type TokensClient, tokens } from './tokens.ts'
import { type WebhooksClient, webhooks } from './webhooks.ts'

/** A server, as seen from anywhere: a method for each of its routes. */
export interface Client extends MetaClient {
  readonly instances: InstancesClient
  readonly releases: ReleasesClient
  readonly deployments: DeploymentsClient
  readonly events: EventsClient
  readonly secrets: SecretsClient
  readonly tokens: TokensClient
  readonly tasks: TasksClient
  readonly audit: AuditClient
  readonly webhooks: WebhooksClient
  readonly tenants: TenantsClient
}

/**
 * Talks to a server. It speaks the JSON of the wire, repeats what can be repeated, and stands on web standards alone: it runs in Node and
 * in browsers.
 *
 * @example
 * const client = createClient({ url: 'http://127.0.0.1:7420', token: process.env.SLIPWAY_TOKEN })
 * for await (const instance of client.instances.list()) console.log(instance.name)
 */
export function createClient(options: ClientOptions): Client {
  const settings = settingsOf(options)
  const [call, stream] = [caller(settings), streamer(settings)]
  const log = events(call, stream)
  return {
    ...meta(call),
    instances: instances(call, stream),
    releases: releases(call),
    deployments: deployments(call, stream, log),
    events: log,
    secrets: secrets(call),
    tokens: tokens(call),
    tasks: tasks(call, stream),
    audit: audit(call),
    webhooks: webhooks(call),
    tenants: tenants(call),
  }
}
