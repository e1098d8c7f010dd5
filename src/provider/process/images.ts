import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, chmod, copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isSlipwayError, messageOf, roomFault, SlipwayError } from '../../errors.ts'
import type { Room } from '../../room.ts'
import type { PrepareProgress, ResolvedImage } from '../provider.ts'
import { digestOf, type Entry, entriesOf, inParallel } from './folder.ts'
import { imageGone } from './gone.ts'
import { npmImages } from './npm/images.ts'
import { npmPrefix } from './npm/name.ts'
import type { NpmEnvironment } from './npm/run.ts'
import type { Paths } from './paths.ts'

/** Copies of images by content: what happens to a folder, or in a registry, after it was resolved changes nothing that was released. */
export interface Images {
  /** Hashes a folder and keeps a copy; looks a package up and keeps what it means now. Throws `image_unavailable`. */
  resolve(image: string, signal?: AbortSignal): Promise<ResolvedImage>
  /** The folder of a copy, complete or not. */
  folderOf(digest: string): string
  /**
   * Sees to it that the copy is there with all its files: a package is installed. Throws `image_gone` when it is not and cannot be,
   * `image_unavailable`, and `unavailable` or `disk_full` when it may be had in a while.
   */
  prepare(image: string, digest: string, onProgress: PrepareProgress, signal: AbortSignal): Promise<void>
  /** Ends what is being fetched. */
  close(reason: Error): Promise<void>
}

/** What a copy must hold, written beside it. */
interface Manifest {
  readonly image: string
  readonly entries: number
  readonly bytes: number
}

/**
 * The images below `paths.images`; those of npm as its configuration in this environment says. One that would eat into the reserve of `room`
 * is not copied, nor is npm run once it is touched.
 */
export function imageCopies(paths: Paths, room: Room, npmEnvironment: NpmEnvironment): Images {
  const folderOf = (digest: string) => join(paths.images, /^sha256:[0-9a-f]{64}$/.exec(digest)?.[0].slice(7) ?? 'none')
  const manifestOf = (digest: string) => `${folderOf(digest)}.json`
  const keeping = new Map<string, Promise<string>>()
  let lastMove: Promise<void> = Promise.resolve()

  const isWhole = (digest: string, signal?: AbortSignal) => isComplete(folderOf(digest), manifestOf(digest), signal)

  /** Copies the folder, and hashes the copy: that is what will run, even when somebody wrote to the folder meanwhile. */
  async function keep(image: string, source: string, entries: readonly Entry[]): Promise<string> {
    const temporary = join(paths.temporary, `image-${randomBytes(8).toString('hex')}`)
    await room.require(`The image ${image} is not copied`, measure(entries).bytes)
    try {
      await copyEntries(source, temporary, entries)
      const digest = await digestOf(temporary, await entriesOf(temporary))
      await put(temporary, image, digest)
      return digest
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }

  /** One at a time, so that a whole copy is never taken away from under those who start from it. */
  async function put(temporary: string, image: string, digest: string): Promise<void> {
    const manifest = { image, ...measure(await entriesOf(temporary)) }
    const moved = lastMove.then(() => move(temporary, digest, manifest))
    lastMove = moved.catch(() => undefined) // told to the one whose move it is; the next begins anew
    await moved
  }

  /** The manifest comes last, and is written first: a disk that is full by then leaves no folder in the place of the copy. */
  async function move(temporary: string, digest: string, manifest: Manifest): Promise<void> {
    if (await isWhole(digest)) return
    const written = `${temporary}.json`
    try {
      await writeFile(written, JSON.stringify(manifest))
      await rm(manifestOf(digest), { force: true })
      await rm(folderOf(digest), { recursive: true, force: true })
      await rename(temporary, folderOf(digest))
      await rename(written, manifestOf(digest))
    } finally {
      await rm(written, { force: true })
    }
  }

  /** Those who want the same content at the same time share one copying. */
  function kept(image: string, source: string, entries: readonly Entry[], digest: string): Promise<string> {
    const copying = keeping.get(digest) ?? keep(image, source, entries).finally(() => keeping.delete(digest))
    keeping.set(digest, copying)
    return copying
  }

  const packages = npmImages({ temporary: paths.temporary, folderOf, isComplete: isWhole, put }, room, npmEnvironment)

  return {
    folderOf,
    async resolve(image, signal) {
      if (image.startsWith(npmPrefix)) return await packages.resolve(image, signal)
      const source = sourceOf(image)
      try {
        await checkSource(image, source)
        const entries = await entriesOf(source, signal)
        const digest = await digestOf(source, entries, signal)
        const known = await isWhole(digest, signal)
        return { image, digest: known ? digest : await kept(image, source, entries, digest) }
      } catch (error) {
        signal?.throwIfAborted()
        const fault = roomFault(error, `The image ${image} cannot be copied`)
        throw isSlipwayError(fault) ? fault : unreadable(image, source, error)
      }
    },
    async prepare(image, digest, onProgress, signal) {
      if (image.startsWith(npmPrefix)) return await packages.install(image, digest, onProgress, signal)
      if (!(await isWhole(digest, signal))) throw imageGone(image, digest)
    },
    close: reason => packages.close(reason),
  }
}

const prefix = 'file:'

function sourceOf(image: string): string {
  if (image.startsWith(prefix) && image.length > prefix.length && !image.includes('\0'))
    return resolve(image.slice(prefix.length))
  throw new SlipwayError(
    'image_unavailable',
    `The image ${JSON.stringify(image.slice(0, 200))} names neither a folder nor a package.`,
    {
      next: 'Name the folder to run, such as file:./api-1.2, or a package of npm, such as npm:http-server@14.1.1.',
    },
  )
}

async function checkSource(image: string, source: string): Promise<void> {
  const next = 'Build it first, or mend its name. Relative names start at the folder Slipway runs in.'
  const found = await stat(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG') return undefined
    throw error
  })
  if (!found)
    throw new SlipwayError('image_unavailable', `The image ${image} is not there: no folder ${source}.`, { next })
  if (!found.isDirectory())
    throw new SlipwayError('image_unavailable', `The image ${image} is not a folder: ${source}.`, { next })
  await access(source, constants.R_OK | constants.X_OK)
}

function unreadable(image: string, source: string, cause: unknown): SlipwayError {
  return new SlipwayError('image_unavailable', `The image ${image} cannot be read at ${source}: ${messageOf(cause)}.`, {
    next: 'Let the user Slipway runs as read everything in it, and see that the data folder has room.',
    cause,
  })
}

async function copyEntries(source: string, target: string, entries: readonly Entry[]): Promise<void> {
  await mkdir(target)
  // Sorted, so that a folder comes before what is in it.
  for (const entry of entries) if (entry.kind === 'folder') await mkdir(join(target, entry.path))
  await inParallel(entries, async entry => {
    const to = join(target, entry.path)
    if (entry.kind === 'link') await symlink(entry.target, to)
    if (entry.kind !== 'file') return
    await copyFile(join(source, entry.path), to, constants.COPYFILE_FICLONE)
    // A release is immutable: its replicas write to $DATA, not to what others run from.
    await chmod(to, entry.executable ? 0o555 : 0o444)
  })
}

async function isComplete(folder: string, note: string, signal?: AbortSignal): Promise<boolean> {
  try {
    const wanted = JSON.parse(await readFile(note, 'utf8')) as Manifest
    const { entries, bytes } = measure(await entriesOf(folder, signal))
    return entries === wanted.entries && bytes === wanted.bytes
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return false
    throw error
  }
}

function measure(entries: readonly Entry[]): Pick<Manifest, 'entries' | 'bytes'> {
  const bytes = entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0)
  return { entries: entries.length, bytes }
}
