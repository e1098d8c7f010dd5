import { createHash } from 'node:crypto'
import { SlipwayError } from '../../../errors.ts'

/** A lockfile of npm: what stands in which folder. */
export interface Lock {
  readonly lockfileVersion: number
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly name?: string
  readonly version?: string
  readonly integrity?: string
  readonly bin?: unknown
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optional?: boolean
  readonly inBundle?: boolean
  readonly hasInstallScript?: boolean
}

/** What a lockfile pins. */
export interface Pinned {
  readonly version: string
  readonly digest: string
  readonly bin: unknown
}

/**
 * Reads what is pinned of a package. Throws `image_unavailable` for what npm could not bring back bit by bit (a dependency without a
 * checksum), and for what is not whole without running scripts while it is installed.
 */
export function pinned(asked: string, name: string, lock: Lock): Pinned {
  const packages = packagesOf(lock)
  const own = lock.packages[`node_modules/${name}`]
  if (own?.version === undefined) throw unpinned(asked, name)
  for (const [path, { integrity, inBundle, link }] of packages) {
    // What is part of its parent's archive is checked with that.
    if (link === true || (integrity === undefined && inBundle !== true)) throw unpinned(asked, nameAt(path))
  }
  const scripts = packages.filter(([, entry]) => entry.hasInstallScript === true && entry.optional !== true)
  if (scripts.length > 0) throw needsScripts(asked, scripts.map(nameOf))
  return { version: own.version, digest: lockDigest(name, lock), bin: own.bin }
}

/** The digest of what a lockfile pins of this package. Equal packages in equal folders have equal digests, whichever registry they come from. */
export function lockDigest(name: string, lock: Lock): string {
  const version = lock.packages[`node_modules/${name}`]?.version
  const lines = packagesOf(lock).map(([path, entry]) =>
    JSON.stringify([path, entry.name ?? nameAt(path), entry.version, entry.integrity, entry.inBundle === true]),
  )
  const text = [JSON.stringify(['npm', name, version]), ...lines].join('\n')
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** How many packages there are to fetch. */
export function packageCount(lock: Lock): number {
  return packagesOf(lock).filter(([, { inBundle }]) => inBundle !== true).length
}

function packagesOf(lock: Lock): [string, LockedPackage][] {
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** A lockfile from its text; undefined when that is torn. */
export function lockIn(text: string): Lock | undefined {
  try {
    const lock = JSON.parse(text) as Partial<Lock>
    return lock.packages ? (lock as Lock) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The same lockfile for a folder that asks for exactly this version, and for nothing else. */
export function exactLock(name: string, version: string, { packages, lockfileVersion }: Lock): Lock {
  const root = { dependencies: { [name]: version } }
  return { lockfileVersion, packages: { ...packages, '': root } }
}

function nameOf([path, { name, version }]: readonly [string, LockedPackage]): string {
  return `${name ?? nameAt(path)}@${version}`
}

/** `@shop/api` of `node_modules/web/node_modules/@shop/api`. */
function nameAt(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}

function unpinned(asked: string, what: string): SlipwayError {
  return new SlipwayError(
    'image_unavailable',
    `The image ${asked} can't be pinned: npm knows no checksum of ${what}.`,
    {
      next: 'Take a version whose dependencies all come from a registry, or install it into a folder and deploy that as file:./folder.',
    },
  )
}

function needsScripts(asked: string, needy: readonly string[]): SlipwayError {
  const [first, ...others] = needy
  const more = others.length === 0 ? '' : ` (as do ${others.join(', ')})`
  return new SlipwayError(
    'image_unavailable',
    `The image ${asked} can't be installed: ${first}${more} wants to run scripts at its installation, and none are run.`,
    { next: 'Install it into a folder, with its scripts, and deploy that as file:./folder.' },
  )
}
