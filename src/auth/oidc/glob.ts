/**
 * Whether a text fits a pattern as a whole: `*` stands for anything but a `/`, `**` for anything, everything else for itself. Takes time in
 * proportion to both lengths, whatever the pattern.
 */
export function fits(pattern: string, text: string): boolean {
  const parts = pattern.match(/\*\*|\*|[^*]/gsu) ?? []
  /** Which parts may come next, after the characters so far. */
  let open = new Set(skippingStars(parts, 0))
  for (const character of text) {
    const next = new Set<number>()
    for (const at of open) {
      const part = parts[at]
      if (part === '**' || (part === '*' && character !== '/')) for (const to of skippingStars(parts, at)) next.add(to)
      else if (part === character) for (const to of skippingStars(parts, at + 1)) next.add(to)
    }
    open = next
  }
  return open.has(parts.length)
}

/** This place, and those behind the stars that may stand for nothing. */
function skippingStars(parts: readonly string[], from: number): number[] {
  const places = [from]
  for (let at = from; parts[at]?.startsWith('*'); at++) places.push(at + 1)
  return places
}
