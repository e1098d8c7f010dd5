import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Watches for how long the event loop is kept from timers and sockets; `end` tells the longest time, milliseconds. */
export function watchPauses(): { end(): number } {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  return {
    end() {
      delays.disable()
      return delays.max / 1e6
    },
  }
}
