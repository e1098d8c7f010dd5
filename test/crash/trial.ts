import { setTimeout as delay } from 'node:timers/promises'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { hasEnded } from '../../src/deploy/deployment.ts'
import { isSlipwayError } from '../../src/errors.ts'
import type { Moment } from '../support/control-plane.ts'
import { DiedEarly } from '../support/doomed.ts'
import { other, type Said, type Scenario, type Stage } from './scenario.ts'

/** What came of a scenario in which the control plane was, or was not, killed at a moment. */
export interface Trial {
  /** The fault points that were passed, when it was to live. */
  readonly passed: readonly string[]
  /** Whether the moment came. */
  readonly killed: boolean
  /** What does not hold now, one line each. */
  readonly wrong: readonly string[]
}

/** What comes by the clock, whatever is done: when all is done it comes all the same. */
const clocked = /work\.(?:beat|claimDue)$/
/** How long after the end a moment is waited for, milliseconds. */
const lingerMs = { clocked: 20_000, other: 500 }

/**
 * Plays a scenario once. With a moment, the control plane kills itself there and another one takes up what it left; what was asked and
 * not recorded is asked again, as a client does that got no answer.
 */
export async function play(stage: Stage, scenario: Scenario, moment?: Moment): Promise<Trial> {
  const { site } = stage
  await scenario.ready?.(stage)
  const beside = await other(stage)
  const live = actor(stage, scenario, await site.books.newest())
  if (scenario.first) {
    site.plane.dieAt(scenario.first)
    if ((await live()) !== 'died')
      return { passed: [], killed: false, wrong: [`the first control plane did not die ${scenario.first.name}`] }
    await site.restart(moment)
  } else if (moment) site.plane.dieAt(moment)
  else await site.plane.passed()

  let life = await live()
  let killed = false
  if (moment) {
    killed = await diesSoon(stage, clocked.test(moment.name) ? lingerMs.clocked : lingerMs.other)
    if (killed) {
      await site.restart()
      life = await live()
    }
  }
  const wrong = await site.violations(await instances(stage, beside))
  const passed = moment ? [] : await site.plane.passed()
  return { passed, killed, wrong: [...(await misfitsOf(stage, scenario, life)), ...wrong] }
}

/** How the life of a control plane ended as far as the scenario goes: it died, or it brought the deployment, if one was asked for, to its end. */
export type Life = 'died' | 'healed' | Deployment

/** Plays the scenario under the control plane of the moment, and goes on with it under the next one. */
export function actor(stage: Stage, scenario: Scenario, since: string | undefined): () => Promise<Life> {
  const { site } = stage
  const { begins } = scenario
  let happened = false
  const act = async (): Promise<Life> => {
    if (typeof begins === 'object') {
      if (!happened) begins.happens(stage)
      happened = true
      await site.violations(await instances(stage))
      return 'healed'
    }
    const newest = await site.books.newest()
    // What is not recorded is asked again.
    const id = newest !== undefined && newest !== since ? newest : await site.plane.order(await begins(stage))
    for (const word of scenario.words ?? []) await say(stage, word, id)
    return await site.ended(id)
  }
  return async () => {
    const died = site.plane.gone.then(() => 'died' as const)
    return await Promise.race([act().catch(error => (error instanceof DiedEarly ? died : Promise.reject(error))), died])
  }
}

async function say({ site }: Stage, { at, say: kind }: Said, deploymentId: string): Promise<void> {
  const { plane, books } = site
  for (;;) {
    const now = await books.deployment(deploymentId)
    if (now && (hasEnded(now.state) || now.reason?.code === 'undoing')) return
    if (now && at(now)) break
    await delay(20)
  }
  try {
    await plane.order({ kind, deploymentId })
  } catch (error) {
    // It had been said by the life before.
    if (!isSlipwayError(error) || !['already_ended', 'undoing', 'not_paused'].includes(error.code)) throw error
  }
}

/** Whether the control plane dies before the world is at rest, or soon after. */
async function diesSoon(stage: Stage, lingerMs: number): Promise<boolean> {
  const { site } = stage
  const waiting = new AbortController()
  const lives = async (): Promise<boolean> => {
    await site.violations(await instances(stage))
    await delay(lingerMs, undefined, { signal: waiting.signal })
    return false
  }
  const dead = await Promise.race([site.plane.gone.then(() => true), lives()]).finally(() => waiting.abort())
  return dead
}

export async function misfitsOf({ site }: Stage, scenario: Scenario, life: Life): Promise<string[]> {
  if (life === 'died') return ['the control plane that was to go on died as well']
  if (life === 'healed') return []
  const { state, restored, error, startedAt } = (await site.books.deployment(life.id)) ?? life
  const ends = [scenario.ends].flat()
  return [
    ...(ends.includes(state) ? [] : [`it ended ${state}, not ${ends.join(' or ')}: ${error}`]),
    // What was cancelled before its turn changed nothing.
    ...(state === 'succeeded' || restored === true || startedAt === undefined
      ? []
      : ['what served before was not restored']),
  ]
}

/** Every instance that is there, and the one that was there `before`: deleted since, it must have left nothing behind. */
export async function instances(stage: Stage, before?: string): Promise<string[]> {
  const beside = new Set([await other(stage), before].filter(id => id !== undefined))
  return [stage.shop, ...beside]
}
