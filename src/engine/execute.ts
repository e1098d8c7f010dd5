import { after, type Clock } from '../clock.ts'
import type { Strategy, StrategyParams } from '../deploy/strategy.ts'

/** How long a strategy may take to end after it was told to, milliseconds. */
const heedMs = 1000

/** Runs a strategy. One that does not end when its signal tells it to is left behind: nothing it does has an effect any more. */
export async function execute(strategy: Strategy, params: StrategyParams, clock: Clock): Promise<void> {
  const { signal } = params
  const running = (async () => await strategy.execute(params))()
  const deaf = Promise.withResolvers<never>()
  let cancel = (): void => void 0
  const tell = (): void => {
    cancel = after(clock, heedMs, () => deaf.reject(signal.reason))
  }
  if (signal.aborted) tell()
  signal.addEventListener('abort', tell, { once: true })
  running.catch((error: unknown) => void error) // because it was left behind
  try {
    await Promise.race([running, deaf.promise])
  } finally {
    signal.removeEventListener('abort', tell)
    cancel()
  }
}
