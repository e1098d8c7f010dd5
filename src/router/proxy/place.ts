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
  /** The pid of whoever took that lock last. */
  readonly holder: string
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
  const place: Place = {
    state,
    tables: join(state, 'tables'),
    lock: join(state, 'lock'),
    holder: join(state, 'lock.pid'),
    starting: join(state, 'starting'),
    process: join(state, 'process.json'),
    front: join(state, 'front.json'),
    log: join(state, 'proxy.log'),
  }
  makePlace(place)
  return place
}

/** Makes the folders of a place, if they are not there any more. */
export function makePlace({ state, tables }: Place): void {
  mkdirSync(state, { recursive: true, mode: 0o700 })
  chmodSync(state, 0o700)
  makeFolder(tables)
}

/** What the path of a socket has at most, bytes: 108 with the zero at its end (unix(7)), less the longest name of ours. */
const socketFolderBytes = 107 - '/4194304.sock'.length

/** The path of the folder of the control socket, short enough for a socket: below `/tmp` where the folder that this user was given is too deep. */
export function socketFolderPath(place: Place): string {
  const name = `slipway-${createHash('sha256').update(realpathSync(place.state)).digest('hex').slice(0, 16)}`
  const runtime = process.env['XDG_RUNTIME_DIR']
  const given = join(runtime && existsSync(runtime) ? runtime : tmpdir(), name)
  return Buffer.byteLength(given) > socketFolderBytes ? join('/tmp', name) : given
}

/** That folder, made and closed to everyone else. Throws `unavailable` when someone else made a folder of that name. */
export function socketFolder(place: Place): string {
  const folder = socketFolderPath(place)
  const before = lstatSync(folder, { throwIfNoEntry: false })
  if (before?.uid === process.getuid?.()) makeFolder(folder)
  else mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new SlipwayError('unavailable', `The folder ${folder} for the proxy's control socket is not ours alone.`, {
      next: 'Remove it, or set XDG_RUNTIME_DIR to a folder that only you can write.',
    })
  }
  return folder
}

/** Makes a folder that only its owner reads, in place of whatever else has that name. */
export function makeFolder(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  if (found && !found.isDirectory() && !(found.isSymbolicLink() && existsSync(folder))) rmSync(folder)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
}

/** Removes that folder once nobody serves there any more. */
export function removeSocketFolder(place: Place): void {
  rmSync(socketFolderPath(place), { recursive: true, force: true })
}
