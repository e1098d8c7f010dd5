import { fork } from 'node:child_process'
import type { LoadOptions } from './options.ts'
import type { FromLoad, ToLoad } from './process.ts'
import { emptyStats, type LoadReport, type LoadStats, type Loss } from './stats.ts'

const program = new URL(import.meta.url.endsWith('.ts') ? './process.ts' : './process.js', import.meta.url)

/** Nobody may ever take them. */
const keptLosses = 10_000

/** A generator that runs. */
export interface Load {
  readonly pid: number
  /** The newest counts, at most 100 ms old. */
  stats(): LoadStats
  /** Those that were lost and were not taken yet, first lost first; at most the last 10 000. Takes them. */
  takeLosses(): Loss[]
  /** Resolves with the first stats of which `holds` is true. */
  until(holds: (stats: LoadStats) => boolean): Promise<LoadStats>
  /** Sends nothing more, waits for what is in flight, and ends the generator's process. Rejects when that had died. */
  stop(): Promise<LoadReport>
}

/**
 * Starts an open-loop load generator in a process of its own: it sends at fixed times whatever the answers do, never sends a request
 * again, and calls lost what got no complete, right answer from a replica of the service.
 *
 * @example
 * const load = startLoad({ target: { host: '127.0.0.1', port: 8080, hostHeader: 'shop.acme.localhost' }, rps: 200, websockets: 10 })
 * const report = await load.stop()
 */
export function startLoad(options: LoadOptions): Load {
  const child = fork(program, { execArgv: [] })
  let latest = emptyStats()
  let ended: Error | undefined
  let report: LoadReport | undefined
  const waiting = new Set<() => void>()

  const settle = (): void => {
    for (const look of waiting) look()
  }
  const losses: Loss[] = []
  child.on('message', (message: FromLoad) => {
    if (message.type === 'loss') {
      losses.push(message.loss)
      if (losses.length > keptLosses) losses.shift()
      return
    }
    latest = message.stats
    if (message.type === 'report') report = message.stats
    settle()
  })
  child.on('error', error => {
    ended ??= error
    settle()
  })
  child.on('exit', (code, signal) => {
    ended ??= new Error(`The load generator ended before it was stopped (${signal ?? `exit code ${code}`}).`)
    settle()
  })
  const tell = (message: ToLoad): void => {
    // A message that does not get through met a generator that is dead, and its exit says how.
    if (child.connected) child.send(message, error => void error)
  }
  tell({ type: 'start', options })

  const when = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look()
        if (found === undefined && !ended) return
        waiting.delete(check)
        if (found === undefined) reject(ended)
        else resolve(found)
      }
      waiting.add(check)
      check()
    })

  return {
    pid: child.pid ?? 0,
    stats: () => latest,
    takeLosses: () => losses.splice(0),
    until: holds => when(() => (holds(latest) ? latest : undefined)),
    async stop() {
      tell({ type: 'stop' })
      const last = await when(() => report)
      if (child.connected) child.disconnect()
      if (child.exitCode === null && child.signalCode === null)
        await new Promise(resolve => child.once('exit', resolve))
      return last
    },
  }
}
