import type { HealthCheck } from '../health/check.ts'

/** A port a service listens on. The first of a service's ports is the one that is routed. */
export interface ServicePort {
  readonly name: string
  /** The number inside a container. A process gets a free one in `$PORT` (first) and `$PORT_<NAME>`. */
  readonly number?: number
}

/** A mount that outlives replicas. Makes the service exclusive unless `shared`. */
export interface Volume {
  readonly name: string
  readonly path: string
  readonly shared?: boolean
}

/** Limits of one replica. */
export interface Resources {
  /** CPUs, such as 0.5. */
  readonly cpu?: number
  readonly memoryBytes?: number
  readonly pids?: number
}

/** A command that runs once before the first replica of a new revision: a migration. */
export interface BeforeTask {
  readonly command: readonly string[]
  /**
   * Whether it may be run again from the start when it was interrupted: the machine stopped in the middle of it. Default false: nobody but
   * its author knows whether half of it, and then all of it, is as good as once.
   */
  readonly rerun?: boolean
}

/**
 * Everything that makes a service what it is. Part of a release; in a deploy an absent field is inherited from the active release
 * and a present `env` replaces the whole map.
 */
export interface ServiceSpec {
  readonly name: string
  /** What to run, in the provider's form: `file:./shop/api-1.2`, later `ghcr.io/shop/api:1.2`. */
  readonly image: string
  /** The program. Default: what the image says. */
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Environment variable → name of a secret in the vault. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Routed when it has one. */
  readonly ports?: readonly ServicePort[]
  /** Two versions must never run at once. */
  readonly exclusive?: boolean
  /** A command that runs once before the first replica of a new revision; a list is one that is not run again when it was interrupted. */
  readonly before?: readonly string[] | BeforeTask
  readonly healthCheck?: HealthCheck
  /** Services of the instance that must be up before this one. */
  readonly dependsOn?: readonly string[]
  /** How long a replica may take to end after SIGTERM, before SIGKILL. Default 10 000. */
  readonly graceMs?: number
  readonly volumes?: readonly Volume[]
  readonly resources?: Resources
  readonly user?: string
}

/** A service as an instance declares it: its spec, and how many replicas of it run. */
export interface DeclaredService extends ServiceSpec {
  /** At least 1; to run none, stop the instance or remove the service. Default 1. */
  readonly replicas: number
}

/** A secret, pinned to one version by a release. */
export interface SecretPin {
  readonly name: string
  readonly version: number
}

/** A service inside a release: its spec with everything that can change underneath pinned. */
export interface ServiceSnapshot extends Omit<ServiceSpec, 'secrets'> {
  /** Content address of the image: what the name meant when the release was asked for. */
  readonly digest: string
  readonly secrets?: Readonly<Record<string, SecretPin>>
}

/** How long a replica may take to end after SIGTERM when its service does not say. */
export const defaultGraceMs = 10_000

/** The service's task in its long form. */
export function taskOf(service: Pick<ServiceSpec, 'before'>): Required<BeforeTask> | undefined {
  const { before } = service
  if (before === undefined) return undefined
  return 'command' in before ? { rerun: false, ...before } : { command: before, rerun: false }
}

/** Whether traffic is routed to the service. */
export function isRouted(service: Pick<ServiceSpec, 'ports'>): boolean {
  return (service.ports?.length ?? 0) > 0
}

/** Whether two versions of the service must never run at once: declared, or implied by a volume that is not shared. */
export function isExclusive(service: Pick<ServiceSpec, 'exclusive' | 'volumes'>): boolean {
  return service.exclusive === true || (service.volumes ?? []).some(volume => volume.shared !== true)
}
