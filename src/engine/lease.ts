import type { Clock } from '../clock.ts'
import type { Claim } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import { callMs, type Fence } from '../provider/provider.ts'

/** How long a worker that stopped beating keeps its leases, milliseconds. */
export const leaseTtlMs = 5000
/** How often a worker beats, milliseconds. */
export const beatMs = 1000

/** The right to act on one instance, as long as the worker's heart beats. */
export interface Lease {
  /** What is held, under the epoch of now. */
  readonly claim: Claim
  /** Of the epoch of now as well, for a call that is under way too: it is ours, and must not be refused for an epoch that is ours. */
  readonly fence: Fence
  /** Aborted when the lease is lost or given up. */
  readonly signal: AbortSignal
  /** Goes on under a later epoch of the same lease, once that is on disk. */
  advance(claim: Claim): void
  /** Ends it: everything done under it stops. */
  end(reason?: unknown): void
}

/** Where a lease reads how long it holds: the moment (monotonic, ms) at which the worker's last heartbeat runs out. */
export type ValidUntil = () => number

/** A lease on what `claim` claimed. */
export function holdLease(claim: Claim, storeId: string, validUntil: ValidUntil, clock: Clock): Lease {
  const controller = new AbortController()
  const { signal } = controller
  let held = claim
  const fence: Fence = {
    storeId,
    instanceId: claim.instanceId,
    get epoch() {
      return held.epoch
    },
    signal,
    check() {
      if (!signal.aborted && clock.monotonic() + callMs <= validUntil()) return
      // Too late for one call is too late for all: the work ends here, and is claimed anew when the heart beats again.
      controller.abort(leaseLost(claim.instanceId))
      throw leaseLost(claim.instanceId)
    },
  }
  return {
    get claim() {
      return held
    },
    fence,
    signal,
    advance(next) {
      held = next
    },
    end: reason => controller.abort(reason ?? leaseLost(claim.instanceId)),
  }
}

/** The error of whoever acts without a lease. */
export function leaseLost(instanceId: string): SlipwayError {
  return new SlipwayError('lease_lost', `This worker does not own instance ${instanceId} any more.`)
}
