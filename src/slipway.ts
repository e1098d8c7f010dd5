import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pino } from 'pino'
import { type AuditService, auditService } from './audit/service.ts'
import { type AuthProvider, type Claims, everyTenant, type Origin, type Scope } from './auth/auth.ts'
import { combinedAuth } from './auth/combined-auth.ts'
import type { OidcIssuer } from './auth/oidc/config.ts'
import { oidcVerifier } from './auth/oidc/oidc-auth.ts'
import { tokenAuth } from './auth/token-auth.ts'
import { type IssuedToken, issueOperatorToken, type TokenService, tokenService } from './auth/token-service.ts'
import { type Clock, systemClock } from './clock.ts'
import { type HistoryService, historyService } from './deploy/history-service.ts'
import { type DeployService, deployService } from './deploy/service.ts'
import { blueGreen } from './deploy/strategies/blue-green.ts'
import { canary } from './deploy/strategies/canary.ts'
import { recreate } from './deploy/strategies/recreate.ts'
import { rolling } from './deploy/strategies/rolling.ts'
import type { Strategy } from './deploy/strategy.ts'
import type { Store } from './deploy/work.ts'
import { type Pruned, type Retention, startCaretaker } from './engine/caretaker.ts'
import { specSource } from './engine/revisions.ts'
import { RouterPorts } from './engine/router-ports.ts'
import { startWorker, type Worker } from './engine/worker.ts'
import { messageOf, SlipwayError } from './errors.ts'
import { type EventBus, eventBus } from './event/bus.ts'
import { type EventService, eventService } from './event/service.ts'
import type { Resolve } from './event/webhook-agent.ts'
import { startDeliverer } from './event/webhook-deliverer.ts'
import { type WebhookService, webhookService } from './event/webhook-service.ts'
import { type TargetOptions, targets } from './event/webhook-target.ts'
import { faultyProvider, faultyRouter } from './fault/calls.ts'
import type { FaultHook } from './fault/point.ts'
import { faultyStore } from './fault/store.ts'
import type { CheckFunction } from './health/checks.ts'
import type { Instance } from './instance/instance.ts'
import { type InstanceService, instanceService } from './instance/operate.ts'
import { nameSchema } from './instance/schema.ts'
import { type InstanceStatus, statusOf } from './instance/status.ts'
import { deploymentSpans } from './observe/deployment-spans.ts'
import { type Log, redactedLog } from './observe/log.ts'
import { type Metrics, type MetricsOptions, slipwayMetrics } from './observe/prometheus/metrics.ts'
import { observedStore } from './observe/store.ts'
import { portQueue, replicaRange } from './provider/process/ports.ts'
import { processProvider } from './provider/process/provider.ts'
import type { Address, LogLine, LogQuery, Provider } from './provider/provider.ts'
import { type ProviderRegistry, providerRegistry } from './provider/registry.ts'
import { diskRoom, type Space } from './room.ts'
import { proxyRouter } from './router/proxy/router.ts'
import { ownVersion } from './router/proxy/version.ts'
import type { RevisionTraffic, Router } from './router/router.ts'
import { envelopeVault } from './secrets/envelope-vault.ts'
import { secretMasks } from './secrets/masks.ts'
import { masterKey } from './secrets/master-key.ts'
import { type SecretService, secretService } from './secrets/service.ts'
import type { Vault } from './secrets/vault.ts'
import { keepFrontPort, keptFrontPort } from './store/front-port.ts'
import { movedFile } from './store/move/move.ts'
import { storedPorts } from './store/ports.ts'
import { type PostgresStoreOptions, postgresStore } from './store/postgres.ts'
import { sqliteStore } from './store/sqlite.ts'
import { type TaskService, taskService } from './task/service.ts'
import { type TenantService, tenantService } from './tenant/service.ts'

/** First and last ports, outside those that the system gives to outgoing connections. */
export interface PortRanges {
  /** Default 20000 to 29999, or the first such range outside the system's own. */
  readonly routes?: readonly [first: number, last: number]
  /** Default 30000 to 32700, or what lies beside the system's own. */
  readonly replicas?: readonly [first: number, last: number]
}

/** What a Slipway is put together from. Every part has a default: one machine, SQLite, processes, the embedded proxy. */
export interface SlipwayOptions {
  /** Where everything lives that outlives us. Default `.slipway`, in the working folder. */
  readonly dataDir?: string
  /** PostgreSQL to keep everything in, for several processes on one database: its URL, or more. Default: SQLite in `dataDir`. */
  readonly database?: string | PostgresStoreOptions
  /** A store of one's own instead. */
  readonly store?: Store
  /** The first is the default of instances that name none. Default: the process provider. */
  readonly providers?: readonly Provider[]
  /** Default: the embedded proxy. */
  readonly router?: Router
  readonly vault?: Vault
  /** Default: the tokens that are kept in the store; callers in this process are trusted. */
  readonly auth?: AuthProvider
  /** Issuers whose tokens are taken beside our own: CI jobs deploy with their own identity, and no secret. */
  readonly oidc?: readonly OidcIssuer[]
  readonly clock?: Clock
  /** Further strategies, beside the built-in ones. */
  readonly strategies?: readonly Strategy[]
  /** Functions that a canary's holds can name as checks. */
  readonly checks?: Readonly<Record<string, CheckFunction>>
  /** Last labels of every host name. Default `localhost`. */
  readonly domain?: string
  /** Port of the shared, host-routed front of the embedded proxy. Default: any free one, kept with the data. */
  readonly frontPort?: number
  /** Where routed services and replicas get their ports from: for two on one machine, which are not to meet. */
  readonly ports?: PortRanges
  /** How much of what only grows is kept: images, events, plans. */
  readonly retention?: Retention
  /** New work (deploy, retry, plan, recordInitial, create, scale, restart, start) is refused with `disk_full` while less is free at `dataDir`, bytes. Default 64 MiB. */
  readonly reserveBytes?: number
  /** Where webhooks may lead. Default: public addresses, by https. */
  readonly webhooks?: WebhookOptions
  /** Whether this process performs deployments and sends webhooks, or only records them. Default true. */
  readonly worker?: boolean
  /** What is counted for Prometheus; `false`: nothing. Default: everything, the traffic of 400 instances. */
  readonly metrics?: MetricsOptions | false
  /** Default: JSON lines on stderr. Whatever looks like a token, and the values of secrets, are taken out of every line. */
  readonly log?: Log
  /** What the default log tells; `info` has a line for each request of a server. Default `warn`. */
  readonly logLevel?: 'info' | 'warn' | 'silent'
  /**
   * For tests of what survives: told before and after each commit, and each call that changes what runs or routes. Absent, the parts are
   * used as they are and it costs nothing.
   *
   * @example
   * faults: ({ name }) => {
   *   if (name === 'before router.apply') process.kill(process.pid, 'SIGKILL')
   * }
   */
  readonly faults?: FaultHook
}

/** Where webhooks may lead, and how names are looked up. */
export interface WebhookOptions extends TargetOptions {
  /** The addresses of a host name. Default: asks the name servers of this machine, not its hosts file. */
  readonly resolve?: Resolve
}

/** Who calls, inside this process. */
export interface Caller {
  readonly tenantId: string
  /** Who it is, for `initiator` and audit. */
  readonly subject: string
  /** Default: all. */
  readonly scopes?: readonly Scope[]
  /** Ids of the only instances there are for it. Default: all. */
  readonly instances?: readonly string[]
  /** From where it calls, for the audit log. */
  readonly origin?: Origin
}

/** Slipway, acting for one caller. */
export interface Acting extends DeployService {
  readonly instances: InstanceService
  readonly secrets: SecretService
  readonly tokens: TokenService
  /** For operators, `own()` for everybody. */
  readonly tenants: TenantService
  readonly events: EventService
  /** Commands run once beside the replicas of a service. */
  readonly tasks: TaskService
  /** What callers did. */
  readonly audit: AuditService
  readonly webhooks: WebhookService
  /** What deployments and instances leave behind to look at. */
  readonly history: HistoryService
  /** Rows and replicas of an instance with their health, as the engine sees them. */
  status(instanceId: string): Promise<InstanceStatus>
  /** What the router counted per revision. */
  traffic(instanceId: string): Promise<RevisionTraffic[]>
  /** What the replicas wrote, secrets masked. */
  logs(query: LogQuery, signal?: AbortSignal): AsyncIterable<LogLine>
}

/** A deployment control plane inside this process. */
export interface Slipway {
  /** Binds tenant and subject. Throws `invalid_request` for a tenant that can't be part of a host name. */
  as(caller: Caller): Acting
  /** Binds what a token says. */
  authenticate(token: string): Promise<Acting>
  /** Binds these claims: what an auth provider said, with the tenant an operator chose. */
  acting(claims: Claims): Acting
  /** A token that may act for every tenant: the first one, made by whoever owns the data folder. Its secret is told this once. */
  issueOperatorToken(name: string, expiresInDays?: number): Promise<IssuedToken>
  readonly auth: AuthProvider
  readonly clock: Clock
  readonly log: Log
  readonly bus: EventBus
  readonly providers: ProviderRegistry
  readonly store: Store
  readonly router: Router
  /** What is counted, unless `metrics: false` was asked for. */
  readonly metrics?: Metrics
  /** Throws away now what the retention does not keep; it is done every ten minutes anyway. */
  prune(): Promise<Pruned>
  /** What is free on the disk under `dataDir`, and how much of it is kept in reserve. */
  space(): Promise<Space>
  /** The shared port: `<service>.<instance>.<tenant>.localhost` is reached here. */
  readonly front: Address
  /** Lets go of everything. What runs goes on running, and traffic flows on. */
  close(): Promise<void>
}

/**
 * Puts the parts together, takes up what was under way, and starts to work.
 *
 * @example
 * const slipway = await createSlipway({ dataDir: './data' })
 * const acme = slipway.as({ tenantId: 'acme', subject: 'ana' })
 */
export async function createSlipway(options: SlipwayOptions = {}): Promise<Slipway> {
  const dataDir = resolve(options.dataDir ?? '.slipway')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const room = diskRoom(dataDir, options.reserveBytes)
  const masks = secretMasks()
  const log = redactedLog(options.log ?? linesOnStderr(options.logLevel ?? 'warn'), line => masks.maskAll(line))
  const { faults, domain = 'localhost' } = options
  const strategies = strategyMap(options.strategies ?? [])
  const metrics =
    options.metrics === false ? undefined : slipwayMetrics([...strategies.keys()], ownVersion, options.metrics)
  const observer = metrics?.observer
  const told = observer ? { observer } : {}
  const onFlush = observer ? { onFlush: observer.flushed } : {}
  const plain = options.store ?? (await ownStore(dataDir, options, onFlush))
  const clock = options.clock ?? plain.clock ?? systemClock
  const durable = faults ? faultyStore(plain, faults) : plain
  const spans = deploymentSpans({ store: durable, log })
  const store = observedStore(durable, {
    ...observer,
    committed(events) {
      observer?.committed(events)
      spans.committed(events)
    },
  })
  const opened: (() => Promise<void>)[] = [() => store.close(), () => spans.idle()]
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    // One part that can't be closed keeps no other open.
    for (const close of opened.toReversed()) await close().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw new AggregateError(failures, 'Not every part of Slipway could be closed.')
  }
  try {
    const given = options.providers ?? [await localProcesses(dataDir, store, clock, options)]
    const providers = providerRegistry(...(faults ? given.map(provider => faultyProvider(provider, faults)) : given))
    for (const provider of providers.list()) opened.push(() => provider.close())
    const proxy = options.router ?? (await localProxy(dataDir, store, log, options))
    const router = faults ? faultyRouter(proxy, faults) : proxy
    opened.push(() => router.close())
    if (!options.router) await keepFrontPort(store, router.front.port)
    const vault =
      options.vault ?? envelopeVault({ store: store.secrets, masterKey: masterKey({ folder: dataDir }), clock })
    const tokens = options.auth ?? tokenAuth({ tokens: store.tokens, clock })
    const auth = options.oidc ? combinedAuth(tokens, oidcVerifier(options.oidc, clock)) : tokens
    const bus = eventBus({ events: store.events, clock })
    opened.push(() => bus.close())
    let worker: Worker | undefined
    const hint = (instanceId: string): void => worker?.hint(instanceId)
    if (options.worker !== false) {
      const engine = await startWorker({
        store,
        providers,
        router,
        clock,
        strategies,
        checks: options.checks ?? {},
        domain,
        ports: new RouterPorts(store, router),
        revisions: specSource(store.storeId, vault, (id, value) => masks.add(id, value)),
        mask: (id, line) => masks.mask(id, line),
        learnSecrets: async instance => {
          try {
            await masks.load(instance, vault)
          } catch (error) {
            // Nothing can be given a secret either then; deployments that need none go on.
            log.warn({ instance: instance.id, error: messageOf(error) }, 'the secrets of an instance could not be read')
          }
        },
        onCommit: () => bus.wake(),
        ...told,
        log,
      })
      worker = engine
      opened.push(() => engine.stop())
    }
    const deaf = store.hints?.(instanceIds => {
      bus.wake()
      for (const id of instanceIds) hint(id)
    })
    if (deaf) opened.push(async () => deaf())
    if (metrics) {
      const leases = (): number => worker?.leases ?? 0
      metrics.readFrom({ store, router, clock, log, leases, space: () => room.look() })
      opened.push(async () => metrics.stop())
    }
    const hookTargets = targets(options.webhooks)
    if (options.worker !== false) {
      const resolve = options.webhooks?.resolve
      const hooks = { store, bus, vault, clock, targets: hookTargets, log, ...(resolve ? { resolve } : {}) }
      const deliverer = startDeliverer(hooks)
      opened.push(() => deliverer.stop())
    }
    const caretaker = startCaretaker({ store, providers, room, clock, log }, options.retention)
    opened.push(() => caretaker.stop())
    const hintTasks = (): void => worker?.hintTasks()
    const checks = options.checks ?? {}
    const parts = {
      room,
      store,
      providers,
      bus,
      auth,
      vault,
      clock,
      strategies,
      checks,
      domain,
      hint,
      hintTasks,
      ...told,
    }
    const pulse = (instanceId: string) => worker?.pulse(instanceId)
    const status = (instance: Instance): Promise<InstanceStatus> =>
      statusOf(instance, { store, provider: name => providers.get(name), ...(worker ? { worker } : {}) })
    const act = (claims: Claims): Acting => {
      const instances = instanceService(parts, claims)
      return {
        ...deployService(parts, claims),
        instances,
        secrets: secretService({ auth, vault, store, bus }, claims),
        tokens: tokenService({ auth, store, clock }, claims),
        tenants: tenantService({ auth, store, bus, clock }, claims),
        events: eventService({ auth, events: store.events, bus }, claims),
        tasks: taskService(parts, claims),
        audit: auditService({ auth, audit: store.audit }, claims),
        webhooks: webhookService({ auth, store, vault, bus, clock, targets: hookTargets }, claims),
        history: historyService({ ...parts, pulse, status }, claims),
        status: async id => await status(await instances.get(id)),
        traffic: async id => await router.traffic((await instances.get(id)).id),
        async *logs(query, signal) {
          const instance = await instances.get(query.instanceId)
          await masks.load(instance, vault)
          for await (const line of providers.get(instance.provider).logs(query, signal)) {
            yield { ...line, text: masks.mask(instance.id, line.text) }
          }
        },
      }
    }
    return {
      as: ({ tenantId, subject, scopes, instances, origin }) =>
        act({
          tenantId: tenantName(tenantId),
          subject,
          scopes: scopes ?? ['read', 'deploy', 'admin'],
          ...(instances ? { instances } : {}),
          ...(origin ? { origin } : {}),
        }),
      authenticate: async token => act(await auth.authenticate(token)),
      acting: claims =>
        act(
          claims.operator && claims.tenantId === everyTenant
            ? claims
            : { ...claims, tenantId: tenantName(claims.tenantId) },
        ),
      issueOperatorToken: async (name, expiresInDays) =>
        await issueOperatorToken({ name, ...(expiresInDays !== undefined ? { expiresInDays } : {}) }, store, clock),
      auth,
      clock,
      log,
      bus,
      providers,
      store,
      router,
      ...(metrics ? { metrics } : {}),
      prune: () => caretaker.prune(),
      space: () => room.look(),
      front: router.front,
      close: closeAll,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** In PostgreSQL where that was asked for, else in a file of the data folder. */
async function ownStore(
  dataDir: string,
  { database, clock }: SlipwayOptions,
  onFlush: { onFlush?: (seconds: number) => void },
): Promise<Store> {
  const time = clock ? { clock } : {}
  if (database === undefined) {
    requireNotMoved(dataDir)
    return await sqliteStore({ path: join(dataDir, 'slipway.db'), ...time, ...onFlush })
  }
  return await postgresStore({ ...time, ...(typeof database === 'string' ? { url: database } : database) })
}

/** What runs belongs to a database that is elsewhere: a new one would know nothing of it. */
function requireNotMoved(dataDir: string): void {
  const kept = movedFile(dataDir)
  if (kept === undefined) return
  throw new SlipwayError('unavailable', `The data of ${dataDir} was moved to PostgreSQL, and no database is named.`, {
    next: `Name it: SLIPWAY_DATABASE_URL, or --database. To go back, give ${kept} its name slipway.db again: what happened since is not in it.`,
  })
}

function linesOnStderr(level: string): Log {
  return pino({ name: 'slipway', level }, pino.destination({ dest: 2, sync: true }))
}

/** Processes on this machine, whose ports are reserved in the store beside the router's. */
function localProcesses(
  dataDir: string,
  store: Store,
  clock: Clock,
  { reserveBytes, ports: ranges }: Pick<SlipwayOptions, 'reserveBytes' | 'ports'>,
): Promise<Provider> {
  const ports = storedPorts(store, portQueue(replicaRange(ranges?.replicas)))
  return processProvider({
    dataDir,
    clock,
    ports,
    ...(ranges?.replicas ? { portRange: ranges.replicas } : {}),
    ...(reserveBytes === undefined ? {} : { reserveBytes }),
  })
}

/** The embedded proxy, at the shared port that it had before, whatever it still knows of that. */
async function localProxy(
  dataDir: string,
  store: Store,
  log: Log,
  { frontPort, ports }: Pick<SlipwayOptions, 'frontPort' | 'ports'>,
): Promise<Router> {
  const promised = await keptFrontPort(store)
  return await proxyRouter({
    dataDir,
    storeId: store.storeId,
    log,
    ...(frontPort !== undefined ? { frontPort } : {}),
    ...(promised !== undefined ? { promisedFrontPort: promised } : {}),
    ...(ports?.routes ? { portRange: ports.routes } : {}),
  })
}

function strategyMap(custom: readonly Strategy[]): ReadonlyMap<string, Strategy> {
  const strategies = new Map<string, Strategy>()
  for (const strategy of [rolling, blueGreen, canary, recreate, ...custom]) {
    if (strategies.has(strategy.name))
      throw new SlipwayError('already_exists', `A strategy named "${strategy.name}" is registered already.`)
    strategies.set(strategy.name, strategy)
  }
  return strategies
}

function tenantName(tenantId: string): string {
  if (nameSchema.safeParse(tenantId).success) return tenantId
  throw new SlipwayError(
    'invalid_request',
    `${JSON.stringify(tenantId)} cannot be a tenant: it is part of host names.`,
    {
      next: 'Use lower-case letters, digits and dashes, starting with a letter, at most 40.',
    },
  )
}
