import type { DeploymentState } from '../deploy/deployment.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import type { Attendance } from './context.ts'

/** Listens to what a running deployment is told: it may be undone, ended or paused by now. */
export class Ear {
  readonly #deploymentId: string
  readonly #at: Attendance
  readonly #onTurn: (to: 'undo' | 'ended') => void
  #signalSeq = -1
  #pausedAt: number | undefined

  /** `onTurn` is told when there is no way forward any more. */
  constructor(deploymentId: string, at: Attendance, onTurn: (to: 'undo' | 'ended') => void) {
    this.#deploymentId = deploymentId
    this.#at = at
    this.#onTurn = onTurn
  }

  /** The last signal of the instance that was heard; below zero before the first time. */
  get signalSeq(): number {
    return this.#signalSeq
  }

  /** When someone asked to pause, wall time; undefined when nobody did. */
  get pausedAt(): number | undefined {
    return this.#pausedAt
  }

  /** Reads what it was told since. */
  async hear(): Promise<void> {
    const { parts, lease, keeper } = this.#at
    const id = this.#deploymentId
    const heard = await parts.store.transaction(async tx => ({
      seq: await tx.work.fence(lease.claim),
      run: await tx.work.run(id),
      signals: await tx.work.signals(id),
    }))
    this.#signalSeq = heard.seq
    const state: DeploymentState | undefined = heard.run?.deployment.state
    if (state !== 'running') this.#onTurn('ended')
    else if (heard.run?.undo) this.#onTurn('undo')
    const asked = heard.signals.findLast(signal => signal.kind === 'pause' || signal.kind === 'resume')
    this.#pausedAt = asked?.kind === 'pause' ? Date.parse(asked.at) : undefined
    keeper.hint()
  }

  /** Hears whatever comes, until the signal is aborted. */
  async listen(signal: AbortSignal): Promise<void> {
    const { parts, lease, keeper } = this.#at
    while (!signal.aborted) {
      try {
        // Before it was heard for the first time, which is about to be, there is nothing to compare with.
        const record = this.#signalSeq < 0 ? undefined : await parts.store.work.load(lease.claim.instanceId)
        if (record && record.signalSeq !== this.#signalSeq) await this.hear()
      } catch (error) {
        if (isSlipwayError(error, 'lease_lost')) lease.end(error)
        else parts.log.warn({ error: messageOf(error) }, 'signals could not be read')
      }
      await keeper.signalled(1000, signal)
    }
  }
}
