import type { Clock } from '../clock.ts'
import type { Strategy, StrategyParams } from '../deploy/strategy.ts'

/** How long a strategy may take to end after it was told to, milliseconds. */
const heedMs = 1000

/** Runs a strategy. One that does not end when its signal tells it to is left behind: nothing it does has an effect any more. */
export async function execute(strategy: Strategy, params: StrategyParams, clock: Clock): Promise<void> {
  const { signal } = params
  const running = (async () => await strategy.execute(params))()
  const told = Promise.withResolvers<void>()
  const tell = (): void => told.resolve()
  if (signal.aborted) tell()
  signal.addEventListener('abort', tell, { once: true })
  const patience = new AbortController()
  const deaf = async (): Promise<void> => {
    await told.promise
    await clock.sleep(heedMs, patience.signal)
    throw signal.reason
  }
  const left = deaf()
  left.catch((error: unknown) => void error) // because the strategy ended first
  running.catch((error: unknown) => void error) // because it was left behind
  try {
    await Promise.race([running, left])
  } finally {
    signal.removeEventListener('abort', tell)
    patience.abort()
  }
}
