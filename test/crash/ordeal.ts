import { setTimeout as delay } from 'node:timers/promises'
import type { Load } from '../../src/demo/load/load.ts'
import type { Loss } from '../../src/demo/load/stats.ts'
import { hasEnded } from '../../src/deploy/deployment.ts'
import { messageOf } from '../../src/errors.ts'
import { toldLoss, unexplained, type Window } from './account.ts'
import { asksFor } from './asks.ts'
import type { Draw } from './draw.ts'
import { healed, healWithinMs } from './healing.ts'
import { done, other, type Scenario, type Stage } from './scenario.ts'
import { type Strike, servingWebs, strike } from './strike.ts'
import { actor, instances, type Life, misfitsOf } from './trial.ts'

/** What came of one random kill. */
export interface Ordeal {
  readonly draw: Draw
  readonly asked: string
  /** Whether what was asked was under way when the kill came. */
  readonly underWay: boolean
  readonly killed: { readonly planes: number; readonly proxies: number; readonly replicas: number }
  /** From the kill, or from the start of the control plane that was killed with it, until the shop was whole again. */
  readonly healMs?: number
  /** From the start of a control plane until it was at work. */
  readonly upMs?: number
  /** Requests lost that a death, or the plan, explains. */
  readonly lost: readonly Loss[]
  /** The plan of what was asked takes the service down: what was lost meanwhile is nobody's fault. */
  readonly lossy: boolean
  /** What does not hold, one line each, with what is needed to understand it. */
  readonly wrong: readonly string[]
}

/** How many lost requests are told of one by one. */
const toldLosses = 10

/** Asks what was drawn, kills whom was drawn, lets the next control plane go on, and looks at what came of it. */
export async function endure(stage: Stage, load: Load, draw: Draw): Promise<Ordeal> {
  const { site } = stage
  const scenarios = asksFor(draw.cancelAfterMs)
  const scenario = scenarios[Math.floor(draw.asked * scenarios.length)] as Scenario
  const before = await readied(stage, load, scenario)

  const beside = await other(stage)
  const since = await site.books.newest()
  const live = actor(stage, scenario, since)
  const asked = Date.now()
  const first = caught(live())
  await delay(draw.afterMs)
  const underWay = await isUnderWay(stage, since)
  const hit = await strike(stage, draw.victims)
  // When somebody was there to heal, and when they were started.
  let healer = hit.plane ? undefined : hit.at
  let started = hit.at
  // Where the plan takes the service down there is nothing to wait for but the end.
  const healing = scenario.lossy ? undefined : healed(stage, () => healer ?? Date.now())
  const serving = healing?.then(async () => await servingWebs(stage, []))
  serving?.catch((error: unknown) => void error) // because whoever waits for it is told, and an ordeal that is broken off waits for nothing
  let planes = hit.plane ? 1 : 0
  let upMs: number | undefined
  if (hit.plane) {
    const ended = await first
    if (ended instanceof Error) before.push(messageOf(ended))
    if (draw.againAfterMs !== undefined) {
      if (await site.restart({ afterMs: draw.againAfterMs })) await site.plane.gone
      planes++
    }
    started = Date.now()
    try {
      await soon(site.restart(), 'no control plane is up')
    } finally {
      healer = Date.now()
    }
    upMs = healer - started
  }
  const life = await (hit.plane ? caught(live()) : first)
  const healedAt = await healing
  const wrong = [
    ...before,
    ...(life instanceof Error ? [messageOf(life)] : await misfitsOf(stage, scenario, life)),
    ...(healing && healedAt === undefined ? [`the shop was not whole within ${healWithinMs} ms`] : []),
    ...(await site.violations(await instances(stage, beside))),
  ]
  const losses = await lossesOf(load)
  const windows = windowsOf(hit, healedAt ?? Date.now(), (await serving) ?? new Set())
  const bad = scenario.lossy ? losses.filter(({ cause }) => cause === 'wrong') : unexplained(losses, windows)
  wrong.push(...bad.slice(0, toldLosses).map(loss => toldLoss(loss, hit.at)))
  if (bad.length > toldLosses) wrong.push(`and ${bad.length - toldLosses} more were lost`)
  return {
    draw,
    asked: scenario.name,
    lossy: scenario.lossy === true,
    underWay,
    killed: { planes, proxies: hit.proxy ? 1 : 0, replicas: hit.replicas.length },
    ...(healedAt === undefined ? {} : { healMs: healedAt - started }),
    ...(upMs === undefined ? {} : { upMs }),
    lost: losses.filter(loss => !bad.includes(loss)),
    wrong: wrong.length === 0 ? [] : [...wrong, ...(await dossier(stage, scenario, draw, hit, asked, since))],
  }
}

/** Brings the shop to where the scenario begins; resolves to what was lost on the way there, unless it had been stopped. */
async function readied(stage: Stage, load: Load, scenario: Scenario): Promise<string[]> {
  const { site, shop } = stage
  const stopped = (await site.books.record(shop))?.instance.state === 'stopped'
  if (stopped && scenario.name !== 'start') await done(stage, { kind: 'start', instanceId: shop })
  await scenario.ready?.(stage)
  const losses = await lossesOf(load)
  const excused = stopped || scenario.lossy
  return losses
    .filter(({ cause }) => !excused || cause === 'wrong')
    .map(loss => `before anything was asked, ${toldLoss(loss, Date.now())}`)
}

/** What may take long on a machine that is busy, and does not take for ever. */
async function soon<T>(act: Promise<T>, missing: string, withinMs = 120_000): Promise<T> {
  const late = delay(withinMs, undefined, { ref: false }).then(() => {
    throw new Error(`After ${withinMs} ms ${missing}.`)
  })
  return await Promise.race([act, late])
}

async function isUnderWay({ site }: Stage, since: string | undefined): Promise<boolean> {
  const newest = await site.books.newest()
  if (newest === undefined || newest === since) return false
  const deployment = await site.books.deployment(newest)
  return deployment !== undefined && !hasEnded(deployment.state)
}

async function caught(life: Promise<Life>): Promise<Life | Error> {
  try {
    return await life
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** All that were lost up to now: the generator has told of them once it tells its next numbers. */
async function lossesOf(load: Load): Promise<Loss[]> {
  const { sendingMs } = load.stats()
  await load.until(stats => stats.sendingMs > sendingMs)
  return load.takeLosses()
}

/**
 * A proxy is missed until it is back. So is a replica; but while another one serves, which did before and does still, requests are lost at
 * most that the dead one had in hand.
 */
function windowsOf(hit: Strike, healedAt: number, serving: ReadonlySet<string>): Window[] {
  const stayed = [...hit.left].some(id => serving.has(id))
  const web = hit.replicas.some(({ service }) => service === 'web')
  return [
    ...(hit.proxy ? [{ victim: 'proxy' as const, from: hit.at, sentBy: healedAt }] : []),
    ...(web ? [{ victim: 'replica' as const, from: hit.at, sentBy: stayed ? hit.goneAt : healedAt }] : []),
  ]
}

/** Everything that is needed to understand what went wrong. */
async function dossier(
  { site, shop }: Stage,
  scenario: Scenario,
  draw: Draw,
  hit: Strike,
  asked: number,
  since: string | undefined,
): Promise<string[]> {
  const newest = await site.books.newest()
  const deployment = newest === undefined ? undefined : await site.books.deployment(newest)
  const { events } = await site.books.history(shop)
  const at = (time: number): string => `${time - hit.at} ms`
  return [
    `asked: ${scenario.name} (${at(asked)}); killed at 0 ms, gone at ${at(hit.goneAt)}: ${[
      ...(hit.plane ? ['the control plane'] : []),
      ...(hit.proxy ? ['the proxy'] : []),
      ...hit.replicas.map(({ name, id }) => `${name} (${id})`),
    ].join(', ')}; left to serve: ${[...hit.left].join(', ')}; drawn: ${JSON.stringify(draw)}`,
    ...(newest === since || !deployment ? ['it was never recorded'] : [JSON.stringify(deployment)]),
    ...(await site.books.steps(newest ?? '')).map(
      ({ phase, position, step, state }) => `step ${phase} ${position} ${step.name}: ${state}`,
    ),
    ...events
      .filter(event => Date.parse(event.at) >= asked - 1)
      .map(({ at: when, type, data }) => `${at(Date.parse(when))} ${type} ${JSON.stringify(data ?? {})}`),
  ]
}
