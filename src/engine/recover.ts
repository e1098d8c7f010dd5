import type { DeploymentKind } from '../deploy/deployment.ts'
import type { Row } from '../deploy/step.ts'
import type { Attendance } from './context.ts'
import { isCrashLoop } from './crashes.ts'
import { livingOf, rowKey } from './difference.ts'

/** How long what came back may take to be ready before a plan takes it for broken, milliseconds. */
const recoverMs = 30_000

/** Whether it matters to a run of this kind what served before it. */
const replaces: Readonly<Record<DeploymentKind, boolean>> = {
  deploy: true,
  rollback: true,
  scale: true,
  restart: true,
  initial: false,
  provision: false,
  stop: false,
  start: false,
  delete: false,
}

/**
 * Starts again what died while nobody watched, as after a reboot, and waits until it serves: a plan made before would take the old release
 * for broken, skip its holds and not bring it back. What dies again, can't be started or takes too long is taken as it is found, because a
 * fix must not wait for what is broken.
 */
export async function recover(kind: DeploymentKind, { keeper, lease, parts }: Attendance): Promise<void> {
  const missing = keeper.table.filter(row => isMissing(row))
  if (!replaces[kind] || !keeper.view().observed || missing.length === 0) return
  const { clock } = parts
  const until = clock.monotonic() + recoverMs
  const exits = new Map(missing.map(row => [row, keeper.crashes.count(rowKey(row))]))
  keeper.want(keeper.table, 'healing')
  await keeper.until(() => {
    const waiting = missing.filter(row => keeper.serving(row) < row.replicas && !isHopeless(row))
    return waiting.length === 0 || clock.monotonic() >= until ? true : undefined
  }, lease.signal)

  function isMissing(row: Row): boolean {
    const gone = livingOf(row, keeper.view()).length < row.replicas
    return gone && !isCrashLoop(keeper.crashes.count(rowKey(row)), row)
  }

  function isHopeless(row: Row): boolean {
    const failure = keeper.startFailure(row)
    const diedAgain = keeper.crashes.count(rowKey(row)) > (exits.get(row) ?? 0)
    return diedAgain || (failure !== undefined && failure.code !== 'unavailable')
  }
}
