import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type ConnectionEvents, type ControlClient, connectControl } from './control-client.ts'
import { type Place, socketFolderPath } from './place.ts'

/** What a process that serves says of itself, on disk. */
export interface Running {
  readonly pid: number
  readonly socket: string
  /** The front port, told a second time: it is the one thing that nobody else remembers. */
  readonly front?: number | undefined
}

const runningSchema = z.object({ pid: z.int(), socket: z.string(), front: z.int().optional() })

/** What the last process that served said of itself; undefined when none did, or it can't be read. */
export function runningProcess(place: Place): Running | undefined {
  try {
    return runningSchema.parse(JSON.parse(readFileSync(place.process, 'utf8')))
  } catch (error) {
    void error // because a file that is not there, or not whole, says nothing
    return undefined
  }
}

/** The name of the control socket in its folder. */
export const socketName = 'control.sock'

/** Connects to the process that serves this place, where it said it is or where it would be; undefined when none does. */
export async function connectRunning(
  place: Place,
  events: ConnectionEvents,
  deafAfterMs?: number,
): Promise<ControlClient | undefined> {
  for (const socket of new Set([runningProcess(place)?.socket, usualSocket(place)])) {
    if (socket === undefined) continue
    try {
      if (existsSync(socket)) return await connectControl(socket, events, deafAfterMs)
    } catch (error) {
      void error // because nobody listens there, which is the answer
    }
  }
  return undefined
}

function usualSocket(place: Place): string | undefined {
  try {
    return join(socketFolderPath(place), socketName)
  } catch (error) {
    void error // because who took the folder away took the way to its socket with it
    return undefined
  }
}
