import { type Figure, rounded } from './figure.ts'
import { acmeOf, allSucceed, bringUp, openFleet, webOf } from './fleet.ts'
import { watchPauses } from './pauses.ts'

/** For how long the event loop is kept from timers and sockets at most while so many instances are brought up, and then deployed to, all at once. */
export async function benchMany(count: number): Promise<Figure[]> {
  await using cleanup = new AsyncDisposableStack()
  const slipway = await (await openFleet(cleanup)).open()
  const acme = acmeOf(slipway)
  const bringingUp = watchPauses()
  const began = performance.now()
  const ids = await bringUp(slipway, count)
  const upSeconds = (performance.now() - began) / 1000
  const bringUpPauseMs = bringingUp.end()
  const deploying = watchPauses()
  const deployed = performance.now()
  await allSucceed(slipway, count, index =>
    acme.deploy({ instanceId: ids[index] ?? '', services: [webOf(2)], strategy: 'blue-green' }),
  )
  const deploySeconds = (performance.now() - deployed) / 1000
  return [
    {
      figure: 'longest_pause_ms',
      value: rounded(deploying.end(), 1),
      instances: count,
      deploy_seconds: rounded(deploySeconds, 1),
      bring_up_pause_ms: rounded(bringUpPauseMs, 1),
      bring_up_seconds: rounded(upSeconds, 1),
    },
  ]
}
