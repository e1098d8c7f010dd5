import { messageOf } from '../errors.ts'
import type { Slipway } from '../slipway.ts'
import type { Server } from './server.ts'

/** How a process that serves ends. */
export interface LifetimeOptions {
  /** How long ending may take, milliseconds. Default 25 000: systemd kills after 90 s, Kubernetes after 30 s. */
  readonly deadlineMs?: number
  /** Where signals come from, and how the process ends. Default: this process. */
  readonly process?: {
    on(signal: EndingSignal, listener: () => void): unknown
    off(signal: EndingSignal, listener: () => void): unknown
    exit(code: number): void
  }
}

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const
type EndingSignal = keyof typeof signalNumbers

/**
 * Ends the process in order when it is told to (`SIGTERM`, `SIGINT`): no further request is taken, what is under way is answered, streams end
 * with the word that they may come back, deployments are let go of at the next step, then it exits with 0. Replicas and the proxy are left
 * alone: traffic flows on, and whoever opens the data next takes the deployments up where they are. What is not done within the deadline is left as a
 * `kill -9` would leave it, which loses nothing either, and the exit is 1. A second signal does not wait: 128 and its number.
 *
 * @example
 * const slipway = await createSlipway()
 * const server = createServer(slipway)
 * await server.listen({ port: 7420 })
 * endOnSignals(server, slipway)
 */
export function endOnSignals(
  server: Pick<Server, 'close'>,
  slipway: Pick<Slipway, 'close' | 'log'>,
  { deadlineMs = 25_000, process: self = process }: LifetimeOptions = {},
): { dispose(): void } {
  let ending = false

  async function end(signal: EndingSignal): Promise<void> {
    slipway.log.info({ signal, deadlineMs }, 'told to end: no more requests are taken')
    const late = setTimeout(() => {
      slipway.log.warn({ deadlineMs }, 'not everything was let go of in time; it is left as it is, and loses nothing')
      self.exit(1)
    }, deadlineMs)
    try {
      await server.close()
      await slipway.close()
      clearTimeout(late)
      self.exit(0)
    } catch (error) {
      clearTimeout(late)
      slipway.log.warn({ error: messageOf(error) }, 'not everything could be let go of in order; it loses nothing')
      self.exit(1)
    }
  }

  const listeners = (Object.keys(signalNumbers) as EndingSignal[]).map(signal => {
    const listener = (): void => {
      if (ending) return self.exit(128 + signalNumbers[signal])
      ending = true
      void end(signal)
    }
    self.on(signal, listener)
    return { signal, listener }
  })
  return {
    dispose() {
      for (const { signal, listener } of listeners) self.off(signal, listener)
    },
  }
}
