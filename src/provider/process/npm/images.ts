import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Room } from '../../../room.ts'
import type { PrepareProgress, ResolvedImage } from '../../provider.ts'
import { entriesOf, inParallel } from '../folder.ts'
import { imageGone } from '../gone.ts'
import { shared } from '../shared.ts'
import { programOf, sayCommand } from './bin.ts'
import { npmFault } from './fault.ts'
import { exactLock, type Lock, lockDigest, lockIn, type Pinned, packageCount, pinned } from './lock.ts'
import { exactImage, packageName } from './name.ts'
import { type NpmEnvironment, runNpm } from './run.ts'

/** Packages of npm as images. A lockfile is kept for each digest, and what it pins is installed when it is needed. */
export interface NpmImages {
  /** Looks up what the package means now, and keeps the lockfile. Throws `image_unavailable`, and `disk_full`. */
  resolve(image: string, signal?: AbortSignal): Promise<ResolvedImage>
  /**
   * Installs what the lockfile pins, once. Throws `image_unavailable`, `image_gone`, and `unavailable` or `disk_full` when it may go well in a
   * while.
   */
  install(image: string, digest: string, onProgress: PrepareProgress, signal: AbortSignal): Promise<void>
  /** Ends what is under way. */
  close(reason: Error): Promise<void>
}

/** Where copies of images are kept, and how one gets there. */
export interface Shelf {
  readonly temporary: string
  folderOf(digest: string): string
  isComplete(digest: string, signal?: AbortSignal): Promise<boolean>
  /** Puts a folder into its place, whole or not at all. */
  put(folder: string, image: string, digest: string): Promise<void>
}

type Progress = Parameters<PrepareProgress>

/** The images that npm has, as its configuration in this environment says. While `room` has no more than its reserve, npm is not run. */
export function npmImages(shelf: Shelf, room: Room, env: NpmEnvironment): NpmImages {
  const lookUps = shared<Pinned, never>()
  const installations = shared<void, Progress>()
  const lockFile = (digest: string) => `${shelf.folderOf(digest)}.lock`

  async function lookUp(image: string, signal: AbortSignal): Promise<Pinned> {
    const { name, wanted } = packageName(image)
    await room.require(`The image ${image} is not looked up`)
    return await inFolder(shelf.temporary, async folder => {
      await writeJson(join(folder, 'package.json'), { private: true, dependencies: { [name]: wanted } })
      const flags = ['--package-lock-only', '--omit-lockfile-registry-resolved=false', '--engine-strict']
      await runNpm(['install', ...flags], { cwd: folder, env, signal })
      const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as Lock
      const found = pinned(image, name, lock)
      const kept = join(folder, 'kept.json')
      await writeJson(kept, exactLock(name, found.version, lock))
      signal.throwIfAborted()
      await rename(kept, lockFile(found.digest))
      return found
    })
  }

  async function fetchAll(
    image: string,
    digest: string,
    signal: AbortSignal,
    tell: (news: Progress) => void,
  ): Promise<void> {
    const { name, version, lock } = await keptLock(image, digest)
    const count = packageCount(lock)
    // How large it is nobody knows before it is here.
    await room.require(`The image ${image} is not installed`)
    await inFolder(shelf.temporary, async folder => {
      await writeJson(join(folder, 'package.json'), { private: true, dependencies: { [name]: version } })
      await writeJson(join(folder, 'package-lock.json'), lock)
      tell([1, `installing ${image}, ${count} packages`])
      let fetched = 0
      const onFetch = () => {
        fetched = Math.min(count, fetched + 1)
        tell([1 + Math.floor((90 * fetched) / count), `fetched ${fetched} of ${count} packages of ${image}`])
      }
      await runNpm(['ci'], { cwd: folder, env, signal, onFetch })
      await makeReadOnly(folder, signal)
      await shelf.put(folder, image, digest)
    })
  }

  /** Throws `image_gone` when it is not there any more, or is not what it was. */
  async function keptLock(image: string, digest: string) {
    const { name } = packageName(image)
    const text = await readFile(lockFile(digest), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const lock = lockIn(text)
    const version = lock?.packages[`node_modules/${name}`]?.version
    if (!lock || version === undefined || lockDigest(name, lock) !== digest) throw imageGone(image, digest)
    return { name, version, lock }
  }

  return {
    async resolve(image, signal) {
      try {
        const { name } = packageName(image)
        const found = await lookUps.join(image, ended => lookUp(image, ended), { signal })
        const program = programOf(name, found.bin)
        const needsCommand = 'missing' in program ? { needsCommand: { why: program.missing, next: sayCommand } } : {}
        return { image: exactImage(name, found.version), digest: found.digest, ...needsCommand }
      } catch (error) {
        signal?.throwIfAborted()
        throw npmFault(image, error, 'resolve')
      }
    },
    async install(image, digest, onProgress, signal) {
      try {
        if (await shelf.isComplete(digest, signal)) return
        const onNews = (news: Progress) => onProgress(...news)
        await installations.join(digest, (ended, tell) => fetchAll(image, digest, ended, tell), { signal, onNews })
      } catch (error) {
        signal.throwIfAborted()
        throw npmFault(image, error, 'prepare')
      }
    },
    async close(reason) {
      await Promise.all([lookUps.end(reason), installations.end(reason)])
    },
  }
}

/** Works in a folder of its own that is gone afterwards. */
async function inFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(parent, `npm-${randomBytes(8).toString('hex')}`)
  await mkdir(folder)
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A release is immutable: its replicas write to $DATA, not to what others run from. */
async function makeReadOnly(folder: string, signal: AbortSignal): Promise<void> {
  await inParallel(await entriesOf(folder, signal), async entry => {
    if (entry.kind === 'file') await chmod(join(folder, entry.path), entry.executable ? 0o555 : 0o444)
  })
}

async function writeJson(file: string, value: unknown): Promise<void> {
  // On the disk before anything relies on it.
  await writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`, { flush: true })
}
