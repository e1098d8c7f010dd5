import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Load, startLoad } from '../../src/demo/load/load.ts'
import type { LoadOptions } from '../../src/demo/load/options.ts'
import type { LoadReport } from '../../src/demo/load/stats.ts'
import type { Machine, Tenant } from './machine.ts'

/** Sends `/hello` and `/slow` to a tenant's shop at fixed times, from a process of its own that ends with the test. */
export async function loadOn(
  t: TestContext,
  machine: Machine,
  tenant: Tenant,
  options: Partial<LoadOptions> = {},
): Promise<Load> {
  return await loadOf(t, { target: { ...machine.slipway.front, hostHeader: tenant.host }, ...options })
}

/** The same to wherever the shop is. */
export async function loadOf(
  t: TestContext,
  options: Partial<LoadOptions> & Pick<LoadOptions, 'target'>,
): Promise<Load> {
  const load = startLoad({
    rps: 100,
    slowPerSecond: 4,
    path: '/hello',
    expect: { type: 'exact', service: 'web', body: 'hello', versionHeader: 'x-version' },
    ...options,
  })
  t.after(() => {
    try {
      process.kill(load.pid, 'SIGKILL')
    } catch (error) {
      void error // because it ended by itself
    }
  })
  await load.until(stats => stats.answered > 0)
  return load
}

/** Asserts that every request got its answer. */
export function assertNothingLost(report: LoadReport): void {
  assert.deepEqual(
    { lost: report.lost, losses: report.losses, inFlight: report.inFlight },
    { lost: 0, losses: [], inFlight: 0 },
  )
  assert.ok(report.answered > 0)
}
