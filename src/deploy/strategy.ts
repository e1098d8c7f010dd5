import type { ProviderView } from '../provider/provider.ts'
import type { Deployment, ServiceProgress } from './deployment.ts'
import type { Revision, Step, Table } from './step.ts'

/** What a plan needs to know of one service: where it is, or where it should go. Pure data. */
export interface PlannedService {
  readonly name: string
  /** The revision to reach (its generation is settled before planning). */
  readonly revision: Revision
  readonly replicas: number
  readonly routed: boolean
  readonly exclusive: boolean
  readonly dependsOn: readonly string[]
  /** Whether the service has a `before` command. */
  readonly before: boolean
  /** The release whose spec its row is kept by. */
  readonly release: string
}

/** What a plan starts from. `old` is what served before, `next` what is to be reached; services left out of `next` are removed. */
export interface PlanInput {
  readonly table: Table
  readonly old: readonly PlannedService[]
  readonly next: readonly PlannedService[]
  /** Validated options of the strategy. */
  readonly options: Readonly<Record<string, unknown>>
  /** `undo` and `rollback` plan without tasks. */
  readonly mode: 'deploy' | 'rollback' | 'undo'
}

/** Performs steps durably: a step that was recorded as done is not performed again after a crash. */
export interface Rollout {
  /** Resolves when the step's table is true. Rejects when the step failed or the deployment is being undone. */
  perform(step: Step): Promise<void>
}

/** What a strategy is given to carry out one deployment. */
export interface StrategyParams {
  readonly deployment: Deployment
  /** The frozen plan; empty when the strategy has no `plan`. */
  readonly steps: readonly Step[]
  /** What the plan started from. */
  readonly input: PlanInput
  /** A view of the provider: its start and stop are performed as run and retire steps, so enforcing never undoes them. */
  readonly provider: ProviderView
  readonly rollout: Rollout
  /** Aborted when the deployment is cancelled, undone, or taken over by another worker. */
  readonly signal: AbortSignal
  /** Tells those who watch how far the work is; `percent` is 0 to 100. */
  onProgress(phase: string, percent: number, message: string): void
  /** Updates `service_progress` while the rollout runs. */
  onServiceProgress?(service: string, state: ServiceProgress): void
}

/**
 * How a release is brought out. With `plan`, the steps are shown before they run, frozen when the deployment starts, and the plan
 * shown is the one performed. Without it, steps are decided while it runs and frozen as they are asked for.
 *
 * @example
 * const twoByTwo = planned('two-by-two', input => stepsOf(input))
 */
export interface Strategy {
  readonly name: string
  /** Checks options and fills in defaults; throws `bad_options`. Absent: any options are taken as they are. */
  options?(given: Readonly<Record<string, unknown>>): Record<string, unknown>
  /** Pure. */
  plan?(input: PlanInput): Step[]
  execute(params: StrategyParams): Promise<void>
}

/** A strategy that performs the steps of its plan, one after the other. */
export function planned(
  name: string,
  plan: (input: PlanInput) => Step[],
  options?: (given: Readonly<Record<string, unknown>>) => Record<string, unknown>,
): Strategy {
  return {
    name,
    ...(options ? { options } : {}),
    plan,
    async execute({ steps, rollout }) {
      for (const step of steps) await rollout.perform(step)
    },
  }
}
