import { createHash } from 'node:crypto'
import type { ServiceRoute } from '../router.ts'
import { pickWeighted } from './balance.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { TrafficCount } from './traffic.ts'

/** Where one request goes. */
export interface Pick {
  readonly endpoint: LiveEndpoint
  readonly traffic: TrafficCount
  /** Tells the client which revision it met, when it does not know. */
  readonly setCookie?: string
}

/** Whatever can say where a request goes. */
export interface Picker {
  /** Adds X-Forwarded-* to what it forwards. False where another proxy of ours does. */
  readonly edge: boolean
  pick(cookies: string | undefined, tried?: ReadonlySet<LiveEndpoint>): Pick | undefined
}

/** One revision of a service, in use. */
export interface LiveRevision {
  readonly revision: string
  readonly weight: number
  credit: number
  readonly serving: readonly LiveEndpoint[]
  readonly traffic: TrafficCount
  /** Value of the sticky cookie; says nothing to whoever reads it. */
  readonly mark: string
}

/** One service, in use. Made anew for every table; what must go on (credit, counts, endpoints) is handed on. */
export class LiveService implements Picker {
  readonly edge = true
  readonly name: string
  readonly instanceId: string
  readonly route: ServiceRoute
  readonly revisions: readonly LiveRevision[]
  #turn = 0

  constructor(instanceId: string, name: string, route: ServiceRoute, revisions: readonly LiveRevision[]) {
    this.instanceId = instanceId
    this.name = name
    this.route = route
    this.revisions = revisions
  }

  pick(cookies: string | undefined, tried?: ReadonlySet<LiveEndpoint>): Pick | undefined {
    const cookie = this.route.stickyCookie
    const mark = cookie === undefined ? undefined : cookieValue(cookies, cookie)
    const usable = (one: LiveRevision): boolean =>
      tried ? one.serving.some(endpoint => !tried.has(endpoint)) : one.serving.length > 0
    const met =
      mark === undefined ? undefined : this.revisions.find(one => one.mark === mark && one.weight > 0 && usable(one))
    const revision = met ?? pickWeighted(this.revisions, usable)
    const endpoint = revision && this.#leastLoaded(revision.serving, tried)
    if (!revision || !endpoint) return undefined
    if (cookie === undefined || met) return { endpoint, traffic: revision.traffic }
    const setCookie = `${cookie}=${revision.mark}; Path=/; HttpOnly; SameSite=Lax`
    return { endpoint, traffic: revision.traffic, setCookie }
  }

  /** The one with the least in flight; among equals, each in its turn. */
  #leastLoaded(serving: readonly LiveEndpoint[], tried?: ReadonlySet<LiveEndpoint>): LiveEndpoint | undefined {
    const turn = this.#turn++
    if (serving.length === 1 && !tried) return serving[0]
    const now = performance.now()
    let best: LiveEndpoint | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < serving.length; i++) {
      const endpoint = serving[(turn + i) % serving.length] as LiveEndpoint
      if (tried?.has(endpoint)) continue
      const load = endpoint.requests.size + (endpoint.suspectUntil > now ? 1e6 : 0)
      if (load < least) {
        best = endpoint
        least = load
      }
    }
    return best
  }
}

/** What the sticky cookie says for a revision. */
export function markOf(revision: string): string {
  return createHash('sha256').update(revision).digest('hex').slice(0, 16)
}

function cookieValue(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
