import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import type { Images } from './images.ts'
import type { Paths } from './paths.ts'

/** Images, and who used them last: so that a copy nobody needs can go without one going that somebody is about to need. */
export interface UsedImages extends Images {
  /** Whether the image can be had: its copy is there, or what a package is fetched by. Asking is a use. */
  has(digest: string): boolean
  /**
   * Removes every copy but those of `keep` and those used within `idleMs`, one after the other. Resolves to the digests removed. Killed half
   * way it leaves a folder that counts as no copy, and goes at the next prune. Aborted, it rejects after the copy it is at.
   */
  prune(keep: ReadonlySet<string>, idleMs: number, signal?: AbortSignal): Promise<string[]>
}

/**
 * Notes every use of the images. A deploy resolves its images long before it writes down what they are, and a look at what is written
 * would miss that; uses are kept in memory, because who resolved in an earlier process will not come back for it.
 */
export function usedImages(images: Images, paths: Paths, clock: Pick<Clock, 'monotonic'>): UsedImages {
  const usedAt = new Map<string, number>()
  const use = (digest: string) => void usedAt.set(digest, clock.monotonic())
  const isUsed = (digest: string, idleMs: number) =>
    clock.monotonic() - (usedAt.get(digest) ?? Number.NEGATIVE_INFINITY) < idleMs

  return {
    folderOf: digest => images.folderOf(digest),
    async resolve(image, signal) {
      for (;;) {
        const resolved = await images.resolve(image, signal)
        use(resolved.digest)
        // From here on it stays. It may have gone between the look at the copy and this, or its folder just before it was noted as whole.
        if (isKept(paths, resolved.digest) && isThere(paths, resolved.digest)) return resolved
      }
    },
    async prepare(image, digest, onProgress, signal) {
      use(digest)
      await images.prepare(image, digest, onProgress, signal)
    },
    close: reason => images.close(reason),
    has(digest) {
      use(digest)
      return isKept(paths, digest) && isThere(paths, digest)
    },
    async prune(keep, idleMs, signal) {
      const removed: string[] = []
      const there = digestsIn(paths)
      // A use keeps what is there; of what is not it only takes up room.
      for (const digest of usedAt.keys()) if (!there.has(digest)) usedAt.delete(digest)
      for (const digest of there) {
        signal?.throwIfAborted()
        if (keep.has(digest) || isUsed(digest, idleMs)) continue
        // Found unused and taken away in one go: nobody has a turn in between.
        const gone = takeAway(paths, digest)
        removed.push(digest)
        usedAt.delete(digest)
        await rm(gone, { recursive: true, force: true })
      }
      return removed
    },
  }
}

const hexOf = (digest: string): string => digest.slice('sha256:'.length)

/** Everything that is there of images, torn copies included. */
function digestsIn(paths: Paths): Set<string> {
  const names = readdirSync(paths.images).flatMap(name => /^[0-9a-f]{64}(?=$|\.)/.exec(name)?.[0] ?? [])
  return new Set(names.map(hex => `sha256:${hex}`))
}

/** A copy counts by what is written beside its folder; a lockfile there is enough to fetch it again. */
function isKept(paths: Paths, digest: string): boolean {
  return ['json', 'lock'].some(ending => existsSync(join(paths.images, `${hexOf(digest)}.${ending}`)))
}

/** Whether it can be had: what is noted of a package is enough to fetch it. */
function isThere(paths: Paths, digest: string): boolean {
  const copy = join(paths.images, hexOf(digest))
  return existsSync(copy) || existsSync(`${copy}.lock`)
}

/** What says that it is a copy goes first, then its folder as a whole; returns where that is now, to be removed at leisure. */
function takeAway(paths: Paths, digest: string): string {
  const hex = hexOf(digest)
  for (const name of readdirSync(paths.images))
    if (name.startsWith(`${hex}.`)) rmSync(join(paths.images, name), { force: true })
  const gone = join(paths.temporary, `pruned-${randomBytes(8).toString('hex')}`)
  if (existsSync(join(paths.images, hex))) renameSync(join(paths.images, hex), gone)
  return gone
}
