import { type Random, seededRandom } from '../../src/provider/fake/random.ts'

/** What chance says of one kill. It depends on the seed and the kill's number alone, so each can be had again by itself. */
export interface Draw {
  readonly number: number
  /** Where in the list of what can be asked, 0 to 1. */
  readonly asked: number
  /** How long after it was asked it is cancelled, milliseconds, where that is what is asked. */
  readonly cancelAfterMs: number
  /** How long after it was asked the kill comes, milliseconds. */
  readonly afterMs: number
  readonly victims: Victims
  /** The next control plane is killed as well, so long after its start, milliseconds. */
  readonly againAfterMs?: number
}

/** Who is killed, all at once. */
export interface Victims {
  readonly plane: boolean
  readonly proxy: boolean
  readonly replicas: readonly ReplicaLot[]
}

/** Which replica, 0 to 1, of those that are there then; and whether all its processes, or its program alone. */
export interface ReplicaLot {
  readonly which: number
  readonly whole: boolean
}

/** How often each party is killed, of a hundred. */
const parties: readonly (readonly [share: number, ...who: ('plane' | 'proxy' | 'replica')[]])[] = [
  [36, 'plane'],
  [10, 'replica'],
  [9, 'proxy'],
  [17, 'plane', 'replica'],
  [12, 'plane', 'proxy'],
  [6, 'replica', 'proxy'],
  [10, 'plane', 'replica', 'proxy'],
]

/** Most kills come while something is under way: a rollout takes one or two seconds. */
const afterMs: readonly (readonly [share: number, least: number, most: number])[] = [
  [20, 0, 60],
  [60, 60, 1000],
  [20, 1000, 2500],
]

/** Draws the kill of this number. */
export function drawOf(seed: number, number: number): Draw {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b))
  const asked = random()
  const cancelAfterMs = whole(random, 0, 1000)
  const [, least, most] = one(random, afterMs)
  const killAfterMs = whole(random, least, most)
  const [, ...who] = one(random, parties)
  const two = random() < 0.2
  const lots = [1, 2].map(() => ({ which: random(), whole: random() < 0.5 }))
  const again = random() < 0.25
  const againAfterMs = whole(random, 0, 1500)
  const replicas = who.includes('replica') ? lots.slice(0, two ? 2 : 1) : []
  const plane = who.includes('plane')
  return {
    number,
    asked,
    cancelAfterMs,
    afterMs: killAfterMs,
    victims: { plane, proxy: who.includes('proxy'), replicas },
    ...(plane && again ? { againAfterMs } : {}),
  }
}

function whole(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1))
}

function one<Share extends readonly [number, ...unknown[]]>(random: Random, shares: readonly Share[]): Share {
  let lot = random() * shares.reduce((sum, [share]) => sum + share, 0)
  const found = shares.find(([share]) => (lot -= share) < 0) ?? shares.at(-1)
  if (!found) throw new Error('nothing to choose from')
  return found
}
