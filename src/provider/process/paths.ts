import { join } from 'node:path'
import { SlipwayError } from '../../errors.ts'

/** Where the process provider keeps what it knows, below one data folder. */
export interface Paths {
  readonly root: string
  /** Copies of images, by the hex digits of their digest. */
  readonly images: string
  /** Things that are being made; emptied when the provider opens. */
  readonly temporary: string
  readonly instances: string
  instance(instanceId: string): InstancePaths
}

export interface InstancePaths {
  readonly root: string
  /** Records and exit codes of replicas. */
  readonly replicas: string
  readonly tasks: string
  /** A folder of logs per service. */
  readonly logs: string
  /** A folder per service that outlives revisions: `$DATA`. */
  readonly data: string
}

/** The layout below `root`, an absolute path. */
export function dataPaths(root: string): Paths {
  const instances = join(root, 'instances')
  return {
    root,
    images: join(root, 'images'),
    temporary: join(root, 'tmp'),
    instances,
    instance(instanceId) {
      const folder = join(instances, segment(instanceId))
      return {
        root: folder,
        replicas: join(folder, 'replicas'),
        tasks: join(folder, 'tasks'),
        logs: join(folder, 'logs'),
        data: join(folder, 'data'),
      }
    },
  }
}

/** `name`, when it can be the name of a file and of nothing else. Throws `invalid_request`. */
export function segment(name: string): string {
  if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name)) return name
  throw new SlipwayError('invalid_request', `${JSON.stringify(name.slice(0, 80))} cannot name a folder.`, {
    next: 'Use letters, digits, dots, dashes and underscores, at most 200.',
  })
}
