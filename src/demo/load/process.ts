// The generator's own process: what the control plane, the proxy or the demo do to their event loops does not slow it down.
import { setTimeout as delay } from 'node:timers/promises'
import { type LoadOptions, settingsOf } from './options.ts'
import { sendRequests } from './requests.ts'
import { type LoadStats, type Loss, startTally } from './stats.ts'
import { holdWebSockets } from './websockets.ts'

/** What the parent tells this process. */
export type ToLoad = { readonly type: 'start'; readonly options: LoadOptions } | { readonly type: 'stop' }

/** What this process tells its parent. `report` is the last word. */
export type FromLoad =
  | { readonly type: 'stats' | 'report'; readonly stats: LoadStats }
  | { readonly type: 'loss'; readonly loss: Loss }

const statsEveryMs = 100

function start(options: LoadOptions): () => Promise<void> {
  const settings = settingsOf(options)
  const tally = startTally(loss => tell({ type: 'loss', loss }))
  const began = performance.now()
  const requests = sendRequests(settings, tally)
  const webSockets = holdWebSockets(settings, tally)
  const beat = setInterval(() => tell({ type: 'stats', stats: tally.stats(performance.now() - began) }), statsEveryMs)
  return async () => {
    requests.stop()
    const sendingMs = performance.now() - began
    await webSockets.stop()
    while (tally.stats(sendingMs).inFlight > 0) await delay(5)
    clearInterval(beat)
    tell({ type: 'report', stats: tally.stats(sendingMs) })
  }
}

function tell(message: FromLoad): void {
  // What does not get through met a parent that is gone; its going ends us.
  if (process.connected) process.send?.(message, undefined, undefined, error => void error)
}

let stop: (() => Promise<void>) | undefined
process.on('message', (message: ToLoad) => {
  if (message.type === 'start') stop ??= start(message.options)
  // Ended by the parent, which has read the report when it disconnects.
  else void stop?.()
})
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole group; the parent decides when the load ends.
process.on('SIGINT', () => undefined)
