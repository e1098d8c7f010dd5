import type { Revision } from '../deploy/step.ts'
import type { Address, Fence } from '../provider/provider.ts'

/** One replica that traffic can go to. */
export interface Endpoint {
  /** The replica's id. */
  readonly replica: string
  readonly address: Address
  /** A draining endpoint gets no new request; those in flight end. */
  readonly state: 'serving' | 'draining'
}

/** Traffic of one revision of a service. */
export interface RevisionRoute {
  /** Whole percent. Its share goes to the others while it has no serving endpoint. */
  readonly weight: number
  readonly endpoints: readonly Endpoint[]
}

/** How one service is reached, inside and out, and who answers. */
export interface ServiceRoute {
  /** The service's own port on 127.0.0.1, for its neighbours (`$URL_<SERVICE>`) and, when exposed, for the world. */
  readonly port: number
  /** Host names routed to it on the shared port, lower case. */
  readonly hosts: readonly string[]
  /** Name of a cookie that keeps a client on the revision it met first. Absent: none. */
  readonly stickyCookie?: string
  readonly revisions: Readonly<Record<Revision, RevisionRoute>>
}

/** The whole routing of one instance, as one version. Accepted when (epoch, version) is higher than the last. */
export interface RouteTable {
  readonly instanceId: string
  readonly storeId: string
  readonly epoch: number
  readonly version: number
  readonly services: Readonly<Record<string, ServiceRoute>>
}

/** What became of replicas that were drained. */
export interface DrainReport {
  /** No request was in flight any more before the deadline. */
  readonly drained: boolean
  /** Requests that were cut at the deadline. */
  readonly cutRequests: number
  /** WebSockets that were still open: they are left to end with their replica, which can say goodbye when it is told to stop. */
  readonly openWebSockets: number
}

/** What the router counted for one revision since the router first saw it. Counters only grow (until the router forgets the revision). */
export interface RevisionTraffic {
  readonly service: string
  readonly revision: Revision
  readonly requests: number
  /** Answers of 500 and above, and requests that got none. */
  readonly errors: number
  /** Upper bounds of the buckets in milliseconds; the last bucket is everything above. */
  readonly latencyBoundsMs: readonly number[]
  /** One more entry than bounds. */
  readonly latencyCounts: readonly number[]
  /** In flight right now. */
  readonly active: number
  readonly activeWebSockets: number
  /** Wall time, ms, when the last request was given to the revision. */
  readonly lastRoutedAt?: number
}

/** Makes traffic flow. Knows nothing of strategies or of how replicas are made. */
export interface Router {
  readonly name: string
  /** Where the shared, host-routed port is: `{ host: '127.0.0.1', port: 8080 }`. */
  readonly front: Address
  /** A port for a service that is not in use on this router, for the store to reserve. Never one of `taken`. */
  allocatePort(taken: ReadonlySet<number>): Promise<number>
  /** The instance's whole table as one version; resolves when every proxy has it on disk and in use. Throws `lease_lost` for an (epoch, version) below the one in use. */
  apply(table: RouteTable, fence: Fence): Promise<void>
  /** The table in use, or undefined when the router has none for the instance. */
  observe(instanceId: string, signal?: AbortSignal): Promise<RouteTable | undefined>
  /**
   * Every table in use, without what it says: whose it is and how new. What belongs to no instance any more is found by it. Absent where a
   * router has nothing that outlives an instance.
   */
  tables?(signal?: AbortSignal): Promise<readonly Pick<RouteTable, 'instanceId' | 'storeId' | 'epoch'>[]>
  /** Waits until no request is in flight to these replicas, or cuts what is left after `deadlineMs`. WebSockets are not waited for. They must be draining in the table. */
  drain(
    instanceId: string,
    replicaIds: readonly string[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<DrainReport>
  /** Per revision: requests, errors, latency. Feeds checks and charts. */
  traffic(instanceId: string, signal?: AbortSignal): Promise<RevisionTraffic[]>
  /** Removes the instance: its ports close, its hosts answer 404. */
  forget(instanceId: string, fence: Fence): Promise<void>
  check(signal?: AbortSignal): Promise<{ ok: boolean; message: string }>
  /** Tells when the router may not have what it had (a hint): it was started again, perhaps from less than it was given. Returns a function that ends it. */
  watch?(onChange: () => void): () => void
  /** Lets go of handles; the proxy serves on. */
  close(): Promise<void>
}
