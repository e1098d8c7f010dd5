import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import type { Machine } from '../support/machine.ts'

/** A server in a process of its own, on a machine whose own Slipway is closed meanwhile. */
export interface Doomed {
  readonly url: string
  /** Sends a signal and resolves to how it ended: the exit code, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | string | null>
}

/** Starts one. It does not outlive the test. */
export async function startDoomed(
  t: Pick<TestContext, 'after'>,
  { dataDir }: Pick<Machine, 'dataDir'>,
): Promise<Doomed> {
  const child = fork(new URL('./process.ts', import.meta.url), [dataDir], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const [url] = (await once(child, 'message')) as [string]
  return {
    url,
    async end(signal) {
      const gone = once(child, 'exit')
      child.kill(signal)
      const [code, by] = (await gone) as [number | null, string | null]
      return code ?? by
    },
  }
}
