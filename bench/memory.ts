import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in use once nothing more can be freed: what JavaScript holds, and what the process holds. */
export async function settledMemory(): Promise<{ heap: number; resident: number }> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await delay(50)
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, resident: rss }
}
