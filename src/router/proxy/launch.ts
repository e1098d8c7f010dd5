import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { messageOf, SlipwayError } from '../../errors.ts'
import { capLog } from './log-cap.ts'
import type { Place } from './place.ts'

/** What node is told when it runs the proxy's process. */
export const nodeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning']

/** The program of the proxy's process, in this version. */
export const mainFile: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
)

/** A process that was asked for; whether it serves is for its control socket to say. */
export interface Launched {
  /** Why it ended, once it has, as a sentence; undefined while it runs, and when it ended because another one serves. */
  failure(): string | undefined
}

/** What the proxy's process is told when it is started. */
export interface Orders {
  readonly frontPort: number
  /** People were told of it before: it is waited for when somebody else has it. Otherwise that is an error. */
  readonly promised?: boolean
  /** The store whose tables it routes by. */
  readonly storeId?: string | undefined
}

/** The arguments that say so. */
export function argumentsOf(place: Place, { frontPort, promised = false, storeId }: Orders): string[] {
  const store = storeId === undefined ? [] : ['--store', storeId]
  return ['--state', place.state, '--front-port', String(frontPort), ...(promised ? ['--promised'] : []), ...store]
}

/** Starts the proxy's process in a session of its own, so that nothing that ends us ends it: no terminal, no pipe, no group is shared. */
export function launch(place: Place, orders: Orders): Launched {
  capLog(place.log)
  const log = openSync(place.log, 'a', 0o600)
  let failure: string | undefined
  try {
    const child = spawn(process.execPath, [...nodeFlags, mainFile, ...argumentsOf(place, orders)], {
      cwd: '/',
      detached: true,
      env: ownEnvironment(),
      stdio: ['ignore', log, log],
    })
    child.once('error', error => {
      failure = messageOf(error)
    })
    child.once('exit', (code, signal) => {
      if (code !== 0)
        failure = signal ? `it was ended by ${signal}` : (lastLine(place.log) ?? `it exited with code ${code}`)
    })
    child.unref()
  } finally {
    closeSync(log)
  }
  return { failure: () => failure }
}

/** The process lives longer than us and is no place for our secrets. */
function ownEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'XDG_RUNTIME_DIR', 'NODE_COMPILE_CACHE']
  const environment = Object.fromEntries(
    kept.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
  // Tables are synced to disk many at a time; the file system makes few commits of them.
  return { ...environment, UV_THREADPOOL_SIZE: '16' }
}

function lastLine(log: string): string | undefined {
  return readFileSync(log, 'utf8').trimEnd().split('\n').at(-1)
}

/** The error for a proxy that could not be started. */
export function notStarted(place: Place, why: string): SlipwayError {
  return new SlipwayError('unavailable', `The proxy could not be started: ${why}`, { next: `Look at ${place.log}.` })
}
