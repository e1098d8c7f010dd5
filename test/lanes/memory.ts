import { accessSync, chmodSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'

/** The file system in memory that Linux has. */
const shared = '/dev/shm'
const gib = 1024 ** 3
/** What tests write at most is a sixth of it. */
const roomBytes = 4 * gib

/**
 * Has the temporary folders of this process, and of those it starts, in memory, where there is room and programs may be run from it: each
 * transaction, record and route table is synced to the disk, and tests side by side mostly waited for each other's. Files there outlive a
 * process that is killed as those on a disk do. A TMPDIR that was chosen stays.
 */
export function keepFilesInMemory(): void {
  if (process.env['TMPDIR'] !== undefined || !isFit()) return
  const folder = mkdtempSync(join(shared, 'slipway-'))
  // As any temporary folder is: a test's PostgreSQL is run by nobody, who has a folder in it and removes it.
  chmodSync(folder, 0o1777)
  process.env['TMPDIR'] = folder
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
}

function isFit(): boolean {
  try {
    accessSync(shared, constants.W_OK)
    const { bavail, bsize } = statfsSync(shared)
    return isExecutable() && bavail * bsize >= roomBytes && freemem() >= 2 * roomBytes
  } catch (error) {
    void error // because this machine has none
    return false
  }
}

/** Containers often have it so that no program can be run from it, and replicas are. */
function isExecutable(): boolean {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const [, , type, options = ''] = mounts.findLast(line => line.split(' ')[1] === shared)?.split(' ') ?? []
  return type === 'tmpfs' && !options.split(',').includes('noexec')
}
