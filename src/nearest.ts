/** The name that takes the fewest typing mistakes to get from this one, when it is few. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map(other => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
  const [best] = ranked.toSorted((a, b) => a.distance - b.distance)
  return best && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.other : undefined
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(swap, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
  }
  return row[b.length] ?? 0
}
