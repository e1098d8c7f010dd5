/** How a client is set up. */
export interface ClientOptions {
  /** Where the server is, the prefix it is mounted under included: `https://ops.example/slipway`. */
  readonly url: string
  /** Sent with every request. A function is asked before each, so it can hand out fresh ones: an OIDC token of a CI job. */
  readonly token?: string | (() => string | Promise<string>)
  /** For operators: the tenant that calls are for. */
  readonly tenant?: string
  /** How long a call may take, its repetitions included, milliseconds. Default 120 000. */
  readonly timeoutMs?: number
  /** How long one attempt may take, milliseconds. Default 30 000. */
  readonly attemptMs?: number
  /** How often a call is repeated that may be. Default 5. */
  readonly retries?: number
  /** The first pause before a repetition, milliseconds; each next one is twice as long, up to 5 s, and all are jittered. Default 200. */
  readonly backoffMs?: number
  /** How often the server sends something on a stream, milliseconds: after more than two beats of silence it is opened anew. Default 15 000. */
  readonly beatMs?: number
  /** How long a stream that was open tries to be open again, milliseconds. Default 600 000. */
  readonly reconnectMs?: number
  /** Default: the platform's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Answered>
}

/** What is read of an answer. A `Response` is one. */
export interface Answered extends Pick<Response, 'ok' | 'status' | 'text'> {
  readonly headers: Pick<Headers, 'get'>
  readonly body: Pick<ReadableStream<Uint8Array>, 'cancel' | 'getReader'> | null
}

/** What any call takes beside what it is about. */
export interface CallOptions {
  /** Ends the call, with the signal's reason. */
  readonly signal?: AbortSignal
  /** How long it may take, its repetitions included, milliseconds. */
  readonly timeoutMs?: number
  /** For operators: the tenant it is for. */
  readonly tenant?: string
}

/** What following takes that goes on for long. */
export interface FollowOptions extends CallOptions {
  /** Told when the connection broke off, and when it is there again and nothing was missed. */
  readonly onConnection?: (state: 'lost' | 'back') => void
}

/** What a call takes that makes or starts something. */
export interface AskOptions extends CallOptions {
  /** Default: a new one for each call. With the same key within 24 hours it is done once, however often it is sent. */
  readonly idempotencyKey?: string
}

/** What a call takes that changes what was read. */
export interface ChangeOptions extends CallOptions {
  /** The version that is changed, or `*` for any. Default: the one that was read, when the thing itself is given and not its id. */
  readonly ifMatch?: string
}

/** The options with what was left out. */
export type Settings = Required<Omit<ClientOptions, 'token' | 'tenant'>> & Pick<ClientOptions, 'token' | 'tenant'>

/** Options with their defaults. Throws `TypeError` for an address that is none. */
export function settingsOf(options: ClientOptions): Settings {
  return {
    timeoutMs: 120_000,
    attemptMs: 30_000,
    retries: 5,
    backoffMs: 200,
    beatMs: 15_000,
    reconnectMs: 600_000,
    // Browsers refuse a fetch that is called as a method of anything but the window.
    fetch: (url, init) => globalThis.fetch(url, init),
    ...options,
    url: new URL(options.url).href.replace(/\/+$/, ''),
  }
}
