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

/** Starts one, on the same port as one before when that is given. It does not outlive the test; one that does not come up fails it. */
export async function startDoomed(
  t: Pick<TestContext, 'after'>,
  { dataDir }: Pick<Machine, 'dataDir'>,
  port = '0',
): Promise<Doomed> {
  const child = fork(new URL('./process.ts', import.meta.url), [dataDir, port], { execArgv: [] })
  const gone = once(child, 'exit') as Promise<[number | null, string | null]>
  t.after(() => child.kill('SIGKILL'))
  const [url] = (await Promise.race([
    once(child, 'message'),
    gone.then(([code, by]) => Promise.reject(new Error(`The server did not come up: it ended with ${code ?? by}.`))),
  ])) as [string]
  return {
    url,
    async end(signal) {
      child.kill(signal)
      const [code, by] = await gone
      return code ?? by
    },
  }
}
