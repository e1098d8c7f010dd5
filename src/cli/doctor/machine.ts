import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import { defaultReserveBytes, inWords } from '../../room.ts'
import { compareVersions } from '../../router/proxy/version.ts'
import { contextsFile } from '../contexts.ts'
import type { World } from '../world.ts'
import { type Finding, ill, well } from './finding.ts'

/** The oldest Node that this runs on. */
const oldestNode = '24.15.0'

/** Whether the Node that this runs on is new enough. */
export function nodeFinding(version: string): Finding {
  if (compareVersions(version, oldestNode) >= 0) return well('node', version)
  return ill('node', `${version}, and it takes ${oldestNode} or later`, 'Get one:  https://nodejs.org')
}

/** Whether others can read the file with the tokens. */
export async function contextsFinding(world: Pick<World, 'env' | 'home'>): Promise<Finding> {
  const file = contextsFile(world)
  try {
    const mode = (await stat(file)).mode & 0o777
    if ((mode & 0o077) === 0) return well('contexts', `${file}, which only you can read`)
    return ill('contexts', `${file} can be read by others (mode ${mode.toString(8)})`, `Close it:  chmod 600 ${file}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return well('contexts', `none yet (${file})`)
    return ill('contexts', `${file} can't be looked at: ${messageOf(error)}`, 'Give it back to yourself with chown.')
  }
}

/** Whether a server on this machine can write into its data folder, and has room there; undefined when there is no such folder. */
export async function dataFinding(folder: string): Promise<Finding | undefined> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    return ill('data', `${folder} can't be written: ${messageOf(error)}`, 'Run the server as the user it belongs to.')
  }
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free > defaultReserveBytes) return well('data', `${folder}, ${inWords(free)} free`)
  return ill(
    'data',
    `${inWords(free)} are free at ${folder}, and ${inWords(defaultReserveBytes)} are kept for what runs`,
    'Make room on that disk.',
  )
}
