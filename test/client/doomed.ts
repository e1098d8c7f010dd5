import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'

/** A server in a process of its own. */
export interface Doomed {
  readonly url: string
  /** Kills it with -9, and resolves when it is gone. */
  kill(): Promise<void>
}

/** Starts a server on a data folder; on the same port as one before, when that is given. */
export async function startDoomed(t: Pick<TestContext, 'after'>, dataDir: string, port = '0'): Promise<Doomed> {
  const child = fork(new URL('../server/process.ts', import.meta.url), [dataDir, port], { execArgv: [] })
  const kill = async (): Promise<void> => {
    if (hasEnded(child)) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  t.after(kill)
  const [url] = (await once(child, 'message')) as [string]
  return { url, kill }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
