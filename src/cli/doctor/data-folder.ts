import { type Stats, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { diskRoom, inWords } from '../../room.ts'
import type { Check } from './check.ts'
import { bad, type Finding, good, warning } from './finding.ts'

/** The folder that a server on this machine keeps everything in. */
export const dataFolder: Check = {
  needs: 'this machine',
  async look({ dataDir }) {
    if (dataDir === undefined) return []
    const found = statSync(dataDir, { throwIfNoEntry: false })
    if (!found?.isDirectory()) {
      return [
        bad(
          'data',
          `${dataDir} is ${found ? 'not a folder' : 'not there'}`,
          'A server there keeps everything in it.',
          `Make it by starting one:  slipway up --data ${dataDir}`,
        ),
      ]
    }
    return [ownership(dataDir, found), await room(dataDir)]
  },
}

function ownership(folder: string, { uid, mode }: Stats): Finding {
  const us = process.getuid?.()
  if (us !== undefined && uid !== us) {
    return bad(
      'data',
      `${folder} belongs to the user ${uid}, and you are ${us} (${nameOf(us)})`,
      'A server that you start cannot write what it has to; one that runs as another user is that user’s to look at.',
      `Look as its owner:  sudo --user='#${uid}' slipway doctor --data ${folder}`,
    )
  }
  if ((mode & 0o077) === 0) return good('data', folder)
  return bad(
    'data',
    `${folder} is open to others (mode ${(mode & 0o777).toString(8)})`,
    'The master key, the database and what services keep are in it.',
    `chmod 700 ${folder}`,
  )
}

async function room(dataDir: string): Promise<Finding> {
  const { folder, freeBytes, reserveBytes } = await diskRoom(dataDir).look()
  return roomFinding(folder, freeBytes, reserveBytes)
}

/** What is to be said of this much room, bytes, of which the reserve is kept for what runs. */
export function roomFinding(folder: string, freeBytes: number, reserveBytes: number): Finding {
  const text = `${inWords(freeBytes)} are free there; ${inWords(reserveBytes)} are kept for what runs`
  const next = `Make room. What takes it:  du --max-depth=2 --human-readable ${folder}`
  if (freeBytes < reserveBytes) return bad('room', text, 'Below that nothing new is begun; what runs serves on.', next)
  if (freeBytes < 4 * reserveBytes) return warning('room', text, 'A few releases more, and nothing new is begun.', next)
  return good('room', text)
}

function nameOf(uid: number): string {
  try {
    return userInfo().username
  } catch (error) {
    void error // because a user in a container need not have a name
    return `uid ${uid}`
  }
}
