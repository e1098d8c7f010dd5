import type { Clock } from '../../clock.ts'
import type { Fences } from './fences.ts'
import type { UsedImages } from './image-uses.ts'
import type { LogFiles } from './log-files.ts'
import type { Paths } from './paths.ts'
import type { PortReservations } from './ports.ts'
import type { ReplicaRecord } from './record.ts'
import type { Replicas } from './replicas.ts'

/** The parts that starting, stopping and observing share. */
export interface Context {
  readonly paths: Paths
  readonly images: UsedImages
  readonly replicas: Replicas
  readonly ports: PortReservations
  readonly logs: LogFiles
  readonly fences: Fences
  readonly clock: Clock
  /** Where replicas listen, and are reached. */
  readonly host: string
  /** Replicas whose end no event tells: somebody has to look. */
  readonly watched: Map<string, ReplicaRecord>
  /** Folders of images from which something ended by itself: whether they are still whole is asked before the next start. */
  readonly suspects: Set<string>
  /** Throws `closed` once the folder may be another's: nothing is written then, whoever still waits or is called back. */
  readonly ensureOpen: () => void
  /** Something of the instance changed. */
  readonly changed: (instanceId: string) => void
}
