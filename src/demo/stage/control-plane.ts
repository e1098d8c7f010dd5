import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { stopProxy } from '../../router/proxy/router.ts'
import type { Serving } from './server.ts'

/** A server in a process of its own, which may be killed and started again at the same address. */
export interface ControlPlane {
  readonly url: string
  /** An operator's token. */
  readonly token: string
  readonly front: Serving['front']
  /** Aborted when it ends and nobody asked it to. */
  readonly death: AbortSignal
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it, and then the proxy. */
  close(): Promise<void>
}

const program = new URL(import.meta.url.endsWith('.ts') ? './server.ts' : './server.js', import.meta.url)

/** One that is not up by then is stuck, milliseconds: even on a busy machine it takes a few seconds. */
const comesUpMs = 60_000

/** Starts one on a folder that nobody else holds. Throws, and ends it, when it is not up within `upMs`. */
export async function startControlPlane(folder: string, upMs: number = comesUpMs): Promise<ControlPlane> {
  const dataDir = join(folder, 'data')
  const death = new AbortController()
  let wanted = true
  let child: ChildProcess

  async function begin(...args: readonly string[]): Promise<Serving> {
    // A group of its own: Ctrl-C reaches the whole group of a terminal, and the demo decides when this ends.
    child = fork(program, [dataDir, ...args], { execArgv: [], detached: true })
    const begun = child
    begun.once('exit', (code, signal) => {
      if (wanted && begun === child)
        death.abort(new Error(`The control plane ended (${signal ?? `exit code ${code}`}).`))
    })
    return await served(begun, upMs)
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    wanted = false
    if (hasExited(child)) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  let url: string
  let serving: Serving
  try {
    serving = await begin('0', 'first')
    url = serving.url
  } catch (error) {
    await stopProxy(dataDir)
    throw error
  }
  return {
    url,
    token: serving.token ?? '',
    front: serving.front,
    death: death.signal,
    kill: () => end('SIGKILL'),
    async start() {
      wanted = true
      await begin(new URL(url).port)
    },
    async close() {
      await end('SIGTERM')
      await stopProxy(dataDir)
    },
  }
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function served(child: ChildProcess, upMs: number): Promise<Serving> {
  const { promise, resolve, reject } = Promise.withResolvers<Serving>()
  child.once('message', message => resolve(message as Serving))
  child.once('error', reject)
  child.once('exit', () => reject(new Error('The control plane ended before it was up; see above.')))
  const late = setTimeout(() => {
    reject(new Error(`The control plane did not come up within ${upMs / 1000} s.`))
  }, upMs)
  try {
    return await promise
  } catch (error) {
    if (!hasExited(child) && child.pid !== undefined) {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    throw error
  } finally {
    clearTimeout(late)
  }
}
