/** A length of time as people say it: `12s`, `4m`, `2h`, `3d`. Milliseconds. */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}

/** How long ago a moment of the wire was. */
export function agoOf(time: string | undefined, now: number): string {
  return time === undefined ? '-' : spanOf(now - Date.parse(time))
}
