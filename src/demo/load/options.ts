/** What an answer must be to count, apart from being complete. */
export type Expectation =
  /** JSON of the shop's `service`; with `calls`, containing a right answer of that service too. */
  | { readonly type: 'shop'; readonly service: string; readonly calls?: string }
  /** Status 200 and exactly this body, of a program that knows nothing of us. Its version is read from a header, when it sends one. */
  | { readonly type: 'exact'; readonly service: string; readonly body: string; readonly versionHeader?: string }

/** What to send, where, and how often. */
export interface LoadOptions {
  readonly target: {
    readonly host: string
    readonly port: number
    /** What the `Host` header says. Default: host and port. */
    readonly hostHeader?: string
  }
  /** Requests a second, sent at fixed times whatever the answers do. */
  readonly rps: number
  /** WebSockets held open, each sending a message every 200 ms and expecting its echo. Default 0. */
  readonly websockets?: number
  /** Requests a second to `slowPath`, on top of `rps`. Default 0. */
  readonly slowPerSecond?: number
  /** Share of requests on a connection of their own, 0 to 1; the others use kept connections. Default 0.2. */
  readonly freshShare?: number
  /** How many kept connections take turns (more are opened when an answer is late). Default 16. */
  readonly keptConnections?: number
  /** A request or message without an answer after this long is lost. Default 10 000. */
  readonly timeoutMs?: number
  /** Default `/`. */
  readonly path?: string
  /** Default `/slow`. */
  readonly slowPath?: string
  /** Default `/ws`. */
  readonly webSocketPath?: string
  /** Default: the shop's `web`, calling `api`. */
  readonly expect?: Expectation
}

/** Options with every default filled in. */
export type LoadSettings = Required<Omit<LoadOptions, 'target'>> & { readonly target: Required<LoadOptions['target']> }

/** Fills in the defaults. */
export function settingsOf(options: LoadOptions): LoadSettings {
  const { host, port, hostHeader = `${host}:${port}` } = options.target
  return {
    websockets: 0,
    slowPerSecond: 0,
    freshShare: 0.2,
    keptConnections: 16,
    timeoutMs: 10_000,
    path: '/',
    slowPath: '/slow',
    webSocketPath: '/ws',
    expect: { type: 'shop', service: 'web', calls: 'api' },
    ...options,
    target: { host, port, hostHeader },
  }
}
