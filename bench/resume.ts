import { setTimeout as delay } from 'node:timers/promises'
import { copyRows, copyWorld, leaveHeld } from './copies.ts'
import { type Figure, rounded } from './figure.ts'
import { acmeOf, bringUp, openFleet, webOf } from './fleet.ts'
import { watchPauses } from './pauses.ts'

/**
 * How long a control plane takes from its start until so many deployments that were running when it died go on: each has asked the platform
 * for the replica that was next. It is closed before any had asked for it, so no work is left that would not have to be done, and what it wrote
 * down in closing is taken back: it died.
 */
export async function benchResume(count: number): Promise<Figure> {
  await using cleanup = new AsyncDisposableStack()
  const fleet = await openFleet(cleanup)
  const first = await fleet.open()
  const [instanceId = ''] = await bringUp(first, 1)
  fleet.world.fault({ method: 'start', answerMs: 3_600_000, effectMs: 'never' })
  const { id } = await acmeOf(first).deploy({ instanceId, services: [webOf(2)], strategy: 'blue-green' })
  while ((await acmeOf(first).getDeployment(id)).reason?.code !== 'health') await delay(5)
  await fleet.close()
  fleet.world.clearFaults()
  copyWorld(fleet.world, fleet.proxy, { id: instanceId, name: 'shop-0' }, copyRows(fleet.file, instanceId, count - 1))
  const held = leaveHeld(fleet.file)

  const from = fleet.world.calls.length
  const pauses = watchPauses()
  const began = performance.now()
  const second = await fleet.open()
  const openMs = performance.now() - began
  const goesOn = (): number =>
    new Set(
      fleet.world.calls
        .slice(from)
        .filter(call => call.method === 'start')
        .map(call => call.instanceId),
    ).size
  while (goesOn() < count) await delay(10)
  const seconds = (performance.now() - began) / 1000
  const longestPauseMs = pauses.end()
  while ((await second.store.deploys.listByState('acme', ['running'])).total > 0) await delay(50)
  return {
    figure: 'resume_seconds',
    value: rounded(seconds),
    reach: '<= 2',
    ok: seconds <= 2,
    running: count,
    held,
    open_ms: Math.round(openMs),
    ended_seconds: rounded((performance.now() - began) / 1000),
    longest_pause_ms: rounded(longestPauseMs, 1),
  }
}
