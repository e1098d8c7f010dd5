import type { LoadStats } from '../load/stats.ts'
import { wentWell } from '../screen/finish.ts'
import type { DemoEnd } from '../screen/state.ts'
import type { Performed } from './act.ts'

/** What came of a scenario. */
export interface Outcome extends DemoEnd {
  readonly finished: readonly Performed[]
  /** Every act was performed and ended as it had to, and nothing was lost. */
  readonly well: boolean
}

/** Puts together what was performed and what the load saw. */
export function outcomeOf(finished: readonly Performed[], acts: number, stats: LoadStats): Outcome {
  const rollbackMs = finished.find(performed => performed.rollbackMs !== undefined)?.rollbackMs
  const { sent, lost, appErrors, losses } = stats
  return {
    finished,
    sent,
    lost,
    appErrors,
    losses,
    ...(rollbackMs === undefined ? {} : { rollbackMs }),
    well: finished.length === acts && finished.every(wentWell) && lost === 0,
  }
}

/** The outcome as the one line of JSON that a program reads. */
export function summaryOf({ finished, sent, lost, appErrors, rollbackMs }: Outcome): object {
  return {
    summary: {
      requests: sent,
      lost,
      app_errors: appErrors,
      deployments: finished.map(({ id, what, version, strategy, state, restored, cause, ms, outage }) => {
        return { id, what, version, strategy, state, restored, error_code: cause, ms, outage }
      }),
      rollback_ms: rollbackMs,
    },
  }
}
