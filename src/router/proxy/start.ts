import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, SlipwayError } from '../../errors.ts'
import type { ControlClient } from './control-client.ts'
import { endDeaf } from './end-deaf.ts'
import { type Launched, launch, notStarted, type Orders } from './launch.ts'
import { awaitLock, takeLock } from './lock.ts'
import { makePlace, type Place } from './place.ts'

const startTimeoutMs = 15_000
const pollMs = 10

/** What a start is made with. */
export interface Start {
  readonly place: Place
  readonly orders: Orders
  /** Connects to whoever serves, if anybody does. */
  readonly open: () => Promise<ControlClient | undefined>
  /** Nobody wants it any more. */
  readonly closed: () => boolean
}

/**
 * Starts the proxy and connects to it. One starter at a time, and none while a process holds the lock (it may be about to answer, or its socket
 * was swept away): a second process would only lose the race for the lock, or win it after the first was told to end. A holder that cannot be
 * reached for as long as a start may take is ended.
 */
export async function startProxy({ place, orders, open, closed }: Start): Promise<ControlClient> {
  // Whoever swept the proxy's folder away does not keep it from being started.
  makePlace(place)
  const starting = await awaitLock(place.starting, startTimeoutMs)
  let launched: Launched | undefined
  let endedOne = false
  try {
    for (let until = performance.now() + startTimeoutMs; ; await delay(pollMs)) {
      const client = await open()
      if (client) return client
      // Not once it was started: whoever ends the proxy waits for us, and must then find it.
      if (!launched && closed()) throw new SlipwayError('closed', 'The router was closed.')
      if (!launched && isFree(place.lock)) launched = tryLaunch(place, orders)
      const failure = launched?.failure()
      if (failure !== undefined) throw notStarted(place, failure)
      if (performance.now() < until) continue
      if (endedOne || endDeaf(place) === undefined)
        throw notStarted(place, `it did not answer within ${startTimeoutMs} ms.`)
      endedOne = true
      launched = undefined
      until = performance.now() + startTimeoutMs
    }
  } finally {
    starting?.release()
  }
}

function tryLaunch(place: Place, orders: Orders): Launched {
  try {
    return launch(place, orders)
  } catch (error) {
    throw notStarted(place, `${messageOf(error)}.`)
  }
}

function isFree(file: string): boolean {
  const lock = takeLock(file)
  lock?.release()
  return lock !== undefined
}
