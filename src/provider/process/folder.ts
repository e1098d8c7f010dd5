import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { SlipwayError } from '../../errors.ts'

/** One thing in an image's folder, by its path relative to that. */
export type Entry = { readonly path: string } & (
  | { readonly kind: 'folder' }
  | { readonly kind: 'file'; readonly executable: boolean; readonly size: number }
  | { readonly kind: 'link'; readonly target: string }
)

/**
 * Everything in a folder, sorted by path. Throws `image_unavailable` for what can't be part of an image: a link that leads out of the
 * folder, a socket, a device.
 */
export async function entriesOf(root: string, signal?: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = []
  const pending = ['']
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal?.throwIfAborted()
    const here = folder
    const found = await inParallel(await readdir(join(root, here)), name => entryOf(root, join(here, name)))
    entries.push(...found)
    pending.push(...found.filter(entry => entry.kind === 'folder').map(entry => entry.path))
  }
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

async function entryOf(root: string, path: string): Promise<Entry> {
  const stat = await lstat(join(root, path))
  if (stat.isFile()) return { kind: 'file', path, executable: (stat.mode & 0o111) !== 0, size: stat.size }
  if (stat.isDirectory()) return { kind: 'folder', path }
  if (stat.isSymbolicLink()) return { kind: 'link', path, target: await innerTarget(root, path) }
  throw new SlipwayError(
    'image_unavailable',
    `${join(root, path)} is neither a file nor a folder, so it can't be part of an image.`,
    {
      next: 'Take it out of the folder and deploy again.',
    },
  )
}

/** The link's target, when the copy of the folder would hold it too. */
async function innerTarget(root: string, path: string): Promise<string> {
  const link = join(root, path)
  const target = await readlink(link)
  const inside =
    !isAbsolute(target) && isWithin(root, resolve(dirname(link), target)) && (await leadsInside(root, link))
  if (inside) return target
  throw new SlipwayError('image_unavailable', `The link ${link} leads out of the image, to ${target}.`, {
    next: 'Replace it by what it points at, or by a relative link inside the folder.',
  })
}

/** Followed to its end through all other links: `inner/../../x` may look inside and not be. */
async function leadsInside(root: string, link: string): Promise<boolean> {
  try {
    return isWithin(await realpath(root), await realpath(link))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true // dangles, there and in the copy
    throw error
  }
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way)
}

/** sha256 over paths, kinds, executable bits, link targets and contents, as `sha256:<hex>`. Times, owners and other modes don't count. */
export async function digestOf(root: string, entries: readonly Entry[], signal?: AbortSignal): Promise<string> {
  const lines = await inParallel(entries, async entry => {
    signal?.throwIfAborted()
    return JSON.stringify([entry.path, ...(await content(root, entry))])
  })
  return `sha256:${createHash('sha256').update(lines.join('\n')).digest('hex')}`
}

async function content(root: string, entry: Entry): Promise<string[]> {
  if (entry.kind === 'folder') return ['folder']
  if (entry.kind === 'link') return ['link', entry.target]
  return [entry.executable ? 'program' : 'file', await fileDigest(join(root, entry.path), entry.size)]
}

const readAtOnce = 1024 * 1024

async function fileDigest(file: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  if (size <= readAtOnce) return hash.update(await readFile(file)).digest('hex')
  for await (const chunk of createReadStream(file, { highWaterMark: readAtOnce })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Maps with a few at a time: enough to keep the disk busy, few enough for any limit of open files. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = Array.from({ length: items.length })
  const queue = items.entries()
  const lane = async () => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(16, items.length) }, lane))
  return results
}
