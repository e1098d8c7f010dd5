import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry } from 'prom-client'
import { collected } from './collected.ts'
import type { Look } from './traffic.ts'

/** How often the event loop is timed, milliseconds; a pause is told without it. */
const resolutionMs = 20

/**
 * The process itself, by the names that Prometheus gives these everywhere, and the pauses of its event loop since the scrape before. The
 * loop is timed from the first scrape on: nobody pays for it who does not look.
 */
export function processMetrics(registry: Registry): Look & { stop(): void } {
  let pauses: ReturnType<typeof monitorEventLoopDelay> | undefined
  let pause = { longest: 0, p99: 0 }
  const startedAt = Date.now() / 1000 - process.uptime()
  const one = (name: string, help: string, type: 'gauge' | 'counter', read: () => number): void =>
    collected(registry, { name, help, type }, () => [{ value: read() }])

  one(
    'slipway_event_loop_pause_max_seconds',
    'The longest pause of the event loop since the scrape before.',
    'gauge',
    () => pause.longest,
  )
  one(
    'slipway_event_loop_pause_p99_seconds',
    'The pause of the event loop that 99 of 100 were below, since the scrape before.',
    'gauge',
    () => pause.p99,
  )
  one('process_cpu_seconds_total', 'Time of the processor that this process has used.', 'counter', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  one('process_resident_memory_bytes', 'Resident memory of this process.', 'gauge', () => process.memoryUsage.rss())
  one('process_start_time_seconds', 'When this process started, since 1970.', 'gauge', () => startedAt)

  return {
    async look() {
      if (!pauses) {
        pauses = monitorEventLoopDelay({ resolution: resolutionMs })
        pauses.enable()
        return
      }
      const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000)
      pause =
        pauses.count > 0
          ? { longest: seconds(pauses.max), p99: seconds(pauses.percentile(99)) }
          : { longest: 0, p99: 0 }
      pauses.reset()
    },
    stop: () => void pauses?.disable(),
  }
}
