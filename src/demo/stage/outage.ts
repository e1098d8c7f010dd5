import type { Load } from '../load/load.ts'
import { aborted } from './interruption.ts'
import type { Stage } from './stage.ts'

/** A while without a control plane. */
export interface Outage {
  readonly ms: number
  /** Requests that were answered meanwhile. */
  readonly answered: number
}

/** It stays dead until so many requests were answered without it. */
const requests = 250

/** Kills the control plane and starts it again once it was not missed by the traffic; also when that never comes to be. */
export async function outage(
  { controlPlane }: Pick<Stage, 'controlPlane'>,
  load: Load | undefined,
  signal: AbortSignal,
): Promise<Outage> {
  if (!load) throw new Error('There is no load that would notice.')
  await controlPlane.kill()
  const killedAt = performance.now()
  // Counts are told every 100 ms, so these may still be from before.
  const before = load.stats().answered + load.stats().inFlight
  try {
    const { answered } = await Promise.race([load.until(stats => stats.answered >= before + requests), aborted(signal)])
    return { ms: Math.round(performance.now() - killedAt), answered: answered - before }
  } finally {
    await controlPlane.start()
  }
}
