import { replicaRange } from '../../src/provider/process/ports.ts'
import { defaultPortRange } from '../../src/router/proxy/ports.ts'
import type { PortRanges } from '../../src/slipway.ts'

/** Test files run in three lanes side by side. */
export type Lane = (typeof lanes)[number]

const lanes = ['crowded', 'waiting', 'others'] as const

const variable = 'SLIPWAY_TEST_LANE'

/** Says which lane this process, and those it starts, belong to. */
export function enterLane(lane: Lane): void {
  process.env[variable] = lane
}

/**
 * The ports of a lane: a third of what there is. A port that a replica is about to open, or whose proxy was just killed, looks free to everybody
 * else on the machine; those who try what happens then are not to meet.
 */
export function lanePorts(): Required<PortRanges> {
  return { routes: share(defaultPortRange()), replicas: share(replicaRange(undefined)) }
}

function share([first, last]: readonly [number, number]): readonly [number, number] {
  const lane = lanes.findIndex(name => name === process.env[variable])
  if (lane < 0) return [first, last]
  const size = Math.floor((last - first + 1) / lanes.length)
  return [first + lane * size, first + (lane + 1) * size - 1]
}
