import { replicaRange } from '../../src/provider/process/ports.ts'
import { defaultPortRange } from '../../src/router/proxy/ports.ts'
import type { PortRanges } from '../../src/slipway.ts'

/** Test files run in two lanes side by side. */
export type Lane = 'crowded' | 'others'

const variable = 'SLIPWAY_TEST_LANE'

/** Says which lane this process, and those it starts, belong to. */
export function enterLane(lane: Lane): void {
  process.env[variable] = lane
}

/**
 * The ports of a lane: half of what there is. A port that a replica is about to open, or whose proxy was just killed, looks free to everybody
 * else on the machine; those who try what happens then are not to meet.
 */
export function lanePorts(): Required<PortRanges> {
  return { routes: share(defaultPortRange()), replicas: share(replicaRange(undefined)) }
}

function share([first, last]: readonly [number, number]): readonly [number, number] {
  const middle = Math.floor((first + last) / 2)
  const lane = process.env[variable]
  if (lane === undefined) return [first, last]
  return lane === ('crowded' satisfies Lane) ? [first, middle] : [middle + 1, last]
}
