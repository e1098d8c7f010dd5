/** Numbers from 0 to below 1 that look random and are the same for the same seed. */
export type Random = () => number

/** A small generator (mulberry32): equal seeds, equal numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A duration in milliseconds, or the least and the most between which the seed chooses. */
export type Ms = number | readonly [least: number, most: number]

/** One duration out of a range. */
export function pickMs(ms: Ms, random: Random): number {
  if (typeof ms === 'number') return ms
  const [least, most] = ms
  return least + Math.floor(random() * (most - least + 1))
}
