import type { Prober } from './prober.ts'

/** How many lines of log a reason carries. */
const logLimit = 20

/**
 * Why a replica is not ready, for an error that a person acts on: its last answers, newest first, and the last lines it wrote. The lines
 * must be masked already.
 *
 * @example
 * // Replica api.9f3c1a.1.0 is unready: "503 Service Unavailable: no database" (14 times, last at 12:00:07), before that "connection refused on 127.0.0.1:4001". Its last lines: …
 */
export function whyUnhealthy(
  prober: Pick<Prober, 'replica' | 'health' | 'answers'>,
  logLines: readonly string[],
): string {
  const { replica, health, answers } = prober
  const exit =
    replica.state === 'exited' && replica.exitCode !== undefined ? ` (it exited with ${replica.exitCode})` : ''
  const said = answers
    .toReversed()
    .map(({ text, times, at }, index) => {
      if (index > 0) return `before that "${text}"${times > 1 ? ` (${times} times)` : ''}`
      return `"${text}" (${times > 1 ? `${times} times, last ` : ''}at ${at.slice(11, 19)})`
    })
    .join(', ')
  const lines = logLines.slice(-logLimit)
  const wrote = lines.length > 0 ? `Its last lines:\n${lines.map(line => `  ${line}`).join('\n')}` : 'It wrote nothing.'
  return `Replica ${replica.name} is ${health}${exit}: ${said || 'it was not asked yet'}. ${wrote}`
}
