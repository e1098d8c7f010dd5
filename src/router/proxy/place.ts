import { createHash } from 'node:crypto'
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SlipwayError } from '../../errors.ts'

/** Where the proxy of one data folder keeps what must outlive it. */
export interface Place {
  readonly state: string
  /** One file per instance. */
  readonly tables: string
  /** Held for life by the one process that serves. */
  readonly lock: string
  /** Held by whoever starts or ends that process, while they do. */
  readonly starting: string
  /** Where the process says who and where it is. */
  readonly process: string
  /** The front port, kept for the next start. */
  readonly front: string
  readonly log: string
}

/** The place of `dataDir`, made when it is not there, readable by its owner only. */
export function placeOf(dataDir: string): Place {
  const state = join(resolve(dataDir), 'proxy')
  const tables = join(state, 'tables')
  mkdirSync(tables, { recursive: true, mode: 0o700 })
  chmodSync(state, 0o700)
  return {
    state,
    tables,
    lock: join(state, 'lock'),
    starting: join(state, 'starting'),
    process: join(state, 'process.json'),
    front: join(state, 'front.json'),
    log: join(state, 'proxy.log'),
  }
}

/**
 * The folder of the control socket: short, because a socket's path has at most 108 bytes, and closed to everyone else. Throws `unavailable`
 * when someone else made a folder of that name.
 */
export function socketFolder(place: Place): string {
  const name = createHash('sha256').update(realpathSync(place.state)).digest('hex').slice(0, 16)
  const runtime = process.env['XDG_RUNTIME_DIR']
  const folder = join(runtime && existsSync(runtime) ? runtime : tmpdir(), `slipway-${name}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new SlipwayError('unavailable', `The folder ${folder} for the proxy's control socket is not ours alone.`, {
      next: 'Remove it, or set XDG_RUNTIME_DIR to a folder that only you can write.',
    })
  }
  return folder
}

/** Removes that folder once nobody serves there any more. */
export function removeSocketFolder(place: Place): void {
  rmSync(socketFolder(place), { recursive: true, force: true })
}
