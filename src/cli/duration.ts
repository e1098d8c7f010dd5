import { InvalidArgumentError } from 'commander'

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Seconds of a length of time as people write it: `90s`, `15m`, `12h`, `90d`. Throws what the parser tells as a fault of the command line. */
export function secondsOf(text: string): number {
  const [, amount, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return Number(amount) * seconds[unit as keyof typeof seconds]
  throw new InvalidArgumentError('It looks like 90s, 15m, 12h or 90d.')
}

/** How long an old secret is good beside a new one, seconds: a week at most. */
export function overlapOf(text: string): number {
  const overlap = secondsOf(text)
  if (overlap <= 7 * seconds.d) return overlap
  throw new InvalidArgumentError('It is at most 7d.')
}
