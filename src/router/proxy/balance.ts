/** Something that gets a share of the picks. */
export interface Weighted {
  weight: number
  /** The balance's own account; 0 at first. */
  credit: number
}

/**
 * Smooth weighted round robin: over every run of as many picks as the weights sum to, each gets exactly its share, spread evenly.
 * Undefined when nothing can be picked.
 */
export function pickWeighted<T extends Weighted>(all: readonly T[], eligible: (one: T) => boolean): T | undefined {
  let total = 0
  let best: T | undefined
  for (const one of all) {
    if (one.weight <= 0 || !eligible(one)) continue
    total += one.weight
    one.credit += one.weight
    if (!best || one.credit > best.credit) best = one
  }
  if (best) best.credit -= total
  return best
}
