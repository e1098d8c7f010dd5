import type { Project } from '../project/project.ts'
import { textsOf } from './compose-values.ts'

type HealthCheck = NonNullable<Project['services'][number]['health_check']>

/** The health check that asks what this one asks: by HTTP, where curl or wget would have asked by HTTP. */
export function composeCheck(given: Readonly<Record<string, unknown>>, routed: boolean): HealthCheck | undefined {
  const asked = askedBy(given)
  if (!asked) return undefined
  const { kind, words } = asked
  const timing = timingOf(given)
  const url = httpAsked(words)
  if (url && routed) return { type: 'http', path: url['path'] ?? '/', ...timing }
  return { type: 'command', command: kind === 'CMD' ? words : ['sh', '-c', words.join(' ')], ...timing }
}

/** The port at which a health check by curl or wget asks the service itself. */
export function portAskedBy(given: Readonly<Record<string, unknown>>): number | undefined {
  const url = httpAsked(askedBy(given)?.words ?? [])
  return url && Number(url['port'] ?? 80)
}

function askedBy({ test, disable }: Readonly<Record<string, unknown>>): { kind: string; words: string[] } | undefined {
  const given = Array.isArray(test) ? test.flatMap(textsOf) : textsOf(test)
  const [kind = '', ...words] = Array.isArray(test) ? given : ['CMD-SHELL', ...given]
  return disable === true || kind === 'NONE' || words.length === 0 ? undefined : { kind, words }
}

function httpAsked(words: readonly string[]): Readonly<Record<string, string | undefined>> | undefined {
  return /\b(?:curl|wget)\b.*?\bhttps?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(?<port>\d+))?(?<path>\/[^\s'"|;&]*)?/.exec(
    words.join(' '),
  )?.groups
}

function timingOf(given: Readonly<Record<string, unknown>>) {
  const [interval, timeout] = [milliseconds(given['interval']), milliseconds(given['timeout'])]
  const retries = Number(given['retries'])
  return {
    ...(interval ? { interval_ms: interval } : {}),
    ...(timeout ? { timeout_ms: timeout } : {}),
    ...(Number.isInteger(retries) && retries > 0 ? { unhealthy_after: Math.min(retries, 1000) } : {}),
  }
}

const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A duration of a compose file, `1m30s`, in milliseconds; at most an hour. */
export function milliseconds(given: unknown): number | undefined {
  const [text = ''] = textsOf(given)
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  const sum = parts.reduce((all, [, count, unit = '']) => all + Number(count) * (units[unit] ?? 0), 0)
  return Math.min(Math.round(sum), 3_600_000)
}
