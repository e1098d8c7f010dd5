import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRequired } from './part.ts'

/** A real file system of a given size, and a file that fills it. */
export interface SmallDisk {
  readonly folder: string
  /** Bytes that can still be written. */
  free(): number
  /** Writes the file that fills it, but for so many bytes. */
  fill(leaveBytes?: number): void
  /** Removes that file. */
  empty(): void
  /** Unmounts it, with everything on it. */
  dispose(): void
}

/** Why a test goes without a small disk on this machine; undefined where one can be had, or has to be. */
export const noSmallDisk: string | undefined = isRequired('small-disk') ? undefined : whyNot()

function whyNot(): string | undefined {
  try {
    smallDisk(1024 * 1024).dispose()
    return undefined
  } catch (error) {
    return `a file system of its own needs the right to mount: ${String(error).split('\n')[0]}`
  }
}

/** Mounts one below the temporary folder. Throws where this user may not mount. */
export function smallDisk(bytes: number): SmallDisk {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-disk-')))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'slipway-test', folder], { stdio: 'pipe' })
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
  const filler = join(folder, 'filler')
  const free = (): number => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  }
  return {
    folder,
    free,
    fill(leaveBytes = 0) {
      const file = openSync(filler, 'a')
      try {
        while (free() > leaveBytes) writeSync(file, Buffer.alloc(Math.min(64 * 1024, free() - leaveBytes)))
      } finally {
        closeSync(file)
      }
    },
    empty: () => rmSync(filler, { force: true }),
    dispose() {
      // Lazily: a process that was just killed may still have a file open.
      execFileSync('umount', ['-l', folder], { stdio: 'pipe' })
      rmSync(folder, { recursive: true })
    },
  }
}
