import { setTimeout as delay } from 'node:timers/promises'

/** How long what comes by itself may take, milliseconds: ten times what it should, for it has to tell slow from stuck. */
const stuckMs = 20_000

/** Resolves when the condition holds, for what no event tells; throws when that takes so long that it is stuck. */
export async function until(holds: () => Promise<boolean> | boolean, ms = stuckMs): Promise<void> {
  for (const end = performance.now() + ms; !(await holds()); await delay(10)) {
    if (performance.now() > end) throw new Error(`It did not come to that within ${ms} ms: ${holds.toString()}`)
  }
}
