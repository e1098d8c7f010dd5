import type { Timestamp } from '../clock.ts'
import type { ServiceSnapshot } from '../instance/service.ts'

/** An immutable snapshot of a whole instance at one version. */
export interface Release {
  readonly id: string
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  readonly tenantId: string
  readonly instanceId: string
  /** 1, 2, 3 … per instance, taken at the call; never reused, no gaps. */
  readonly version: number
  /** Every service. Until `sealedAt`, only the requested ones. */
  readonly services: readonly ServiceSnapshot[]
  readonly notes?: string
  readonly commitSha?: string
  /** Exactly one release of an instance is active once its first deployment has succeeded. */
  readonly active: boolean
  /** When what it inherits was filled in: the start of its first deployment. */
  readonly sealedAt?: Timestamp
  /** When it first became active; absent when it never was. */
  readonly activatedAt?: Timestamp
}
