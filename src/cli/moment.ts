import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A moment as people say it: how long ago (`90s`, `15m`, `12h`, `7d`), or a time of RFC 3339. Throws a `Refusal` that names the option. */
export function momentOf(text: string, now: number, option: string): string {
  const [, amount, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) {
    return new Date(now - Number(amount) * unitMs[unit as keyof typeof unitMs]).toISOString()
  }
  const at = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(at)) return new Date(at).toISOString()
  throw new Refusal(
    exit.usage,
    'bad_time',
    `${option} ${JSON.stringify(text)} is no time.`,
    'It looks like 90s, 15m, 12h or 7d, or like 2026-11-24T12:00:00Z',
  )
}
