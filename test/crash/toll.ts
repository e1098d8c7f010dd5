import type { Ordeal } from './ordeal.ts'

/** What many random kills came to. */
export interface Toll {
  kills: number
  /** Kills while what was asked was under way. */
  underWay: number
  planes: number
  proxies: number
  replicas: number
  /** Kills by who died together. */
  readonly parties: Record<string, number>
  sent: number
  lost: number
  /** Losses by who died, or by the plan that takes the service down, and cause. */
  readonly losses: Record<string, number>
  /** The longest time until the shop was whole, by who died. */
  readonly healMs: Record<string, number>
  upMs: number
  wrong: number
}

export function emptyToll(): Toll {
  return {
    kills: 0,
    underWay: 0,
    planes: 0,
    proxies: 0,
    replicas: 0,
    parties: {},
    sent: 0,
    lost: 0,
    losses: {},
    healMs: {},
    upMs: 0,
    wrong: 0,
  }
}

/** Adds one. */
export function tollOf(toll: Toll, { draw, underWay, killed, healMs, upMs, lost, lossy, wrong }: Ordeal): void {
  const { plane, proxy, replicas } = draw.victims
  const party = [
    ...(plane ? ['control plane'] : []),
    ...(replicas.length > 0 ? ['replica'] : []),
    ...(proxy ? ['proxy'] : []),
  ]
  const who = party.join(' + ')
  toll.kills++
  if (underWay) toll.underWay++
  toll.planes += killed.planes
  toll.proxies += killed.proxies
  toll.replicas += killed.replicas
  toll.parties[who] = (toll.parties[who] ?? 0) + 1
  for (const { cause } of lost) {
    const key = `${lossy ? 'by plan' : who}: ${cause}`
    toll.losses[key] = (toll.losses[key] ?? 0) + 1
  }
  if (healMs !== undefined) toll.healMs[who] = Math.max(toll.healMs[who] ?? 0, healMs)
  toll.upMs = Math.max(toll.upMs, upMs ?? 0)
  if (wrong.length > 0) toll.wrong++
}

/** Says so, a line each. */
export function told(toll: Toll): string[] {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  return [
    `${toll.kills} kills, ${toll.underWay} of them while a rollout was under way; ${toll.wrong} after which something was wrong`,
    `killed: ${toll.planes} control planes, ${toll.replicas} replicas, ${toll.proxies} proxies; together: ${list(toll.parties)}`,
    `${toll.sent} requests, ${toll.lost} lost; of those by a kill: ${list(toll.losses)}`,
    `longest until the shop was whole, ms: ${list(toll.healMs)}; until a control plane was up: ${toll.upMs}`,
  ]
}
