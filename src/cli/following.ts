import {
  type Client,
  type Event,
  type OneDeployment,
  SlipwayApiError,
  type Watched,
  type WatchReset,
} from '../client/index.ts'
import { type ExitCode, exit } from './exit.ts'
import { shown } from './shown.ts'
import type { World } from './world.ts'

/** How a deployment is followed. */
export interface FollowOptions {
  readonly progress?: 'auto' | 'tty' | 'plain' | 'json'
  readonly json?: boolean
  readonly ascii?: boolean
  /** Waits no longer than this, milliseconds; the deployment goes on. */
  readonly timeoutMs?: number
  /** What ends the waiting beside the end: a pause, with exit code 9. */
  readonly until?: 'end' | 'pause'
  /** Ctrl-C cancels the deployment, and it is followed to its end. A second one detaches. */
  readonly cancelOnInterrupt?: boolean
}

/**
 * Follows a deployment to its end, a line for each event on stderr, and answers with the exit code of what became of it. With JSON the
 * events themselves are on stdout.
 */
export async function follow(
  client: Client,
  watched: Watched,
  world: World,
  options: FollowOptions = {},
): Promise<ExitCode> {
  const id = idOf(watched)
  const over = new AbortController()
  const left = Promise.withResolvers<ExitCode>()
  const leave = (code: ExitCode, words: string): void => {
    world.stderr.write(`${words}\n`)
    left.resolve(code)
  }
  let interruptions = 0
  const interrupted = world.onInterrupt(() => {
    if (options.cancelOnInterrupt && interruptions++ === 0) {
      world.stderr.write(`Cancelling ${id}. Ctrl-C again leaves it to it.\n`)
      client.deployments.cancel(id, { signal: over.signal }).catch((error: unknown) => {
        // Because it may have ended meanwhile, and then its end is what is told.
        if (!over.signal.aborted && !(error instanceof SlipwayApiError && error.status === 409)) left.reject(error)
      })
      return
    }
    leave(exit.interrupted, `Detached. Still running: slipway watch ${id}   Stop it: slipway cancel ${id}`)
  })
  const { timeoutMs } = options
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(
          () =>
            leave(
              exit.timedOut,
              `Waited ${timeoutMs / 1000} s; the deployment goes on.  Look again: slipway watch ${id}`,
            ),
          timeoutMs,
        )
  told(client, watched, world, options, over.signal).then(left.resolve, left.reject)
  try {
    return await left.promise
  } finally {
    clearTimeout(timer)
    interrupted.dispose()
    over.abort()
  }
}

async function told(
  client: Client,
  watched: Watched,
  world: World,
  options: FollowOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const id = idOf(watched)
  const json = options.json === true || options.progress === 'json'
  for await (const event of client.deployments.watch(watched, { signal })) {
    if (json) world.stdout.write(`${JSON.stringify(event)}\n`)
    else world.stderr.write(`${lineOf(event)}\n`)
    if (event.type === 'deploy.paused' && options.until === 'pause') return paused(id, world)
  }
  const end = await client.deployments.get(id, { signal })
  if (!json) world.stderr.write(`${endOf(end)}\n`)
  return codeOf(end)
}

function paused(id: string, world: World): ExitCode {
  world.stderr.write(`It waits for a person.  Go on: slipway promote ${id}   Undo it: slipway cancel ${id}\n`)
  return exit.paused
}

function lineOf(event: Event | WatchReset): string {
  if (event.type === 'reset') return 'Some of what happened is not in the log any more.'
  const { step, steps, name, because } = event.data ?? {}
  const place = typeof step === 'number' ? ` step ${step}${typeof steps === 'number' ? `/${steps}` : ''}` : ''
  const what = typeof name === 'string' ? ` ${shown(name)}` : typeof because === 'string' ? ` ${shown(because)}` : ''
  return `${event.at.slice(11, 19)} ${event.type.replace('deploy.', '')}${place}${what}`
}

function endOf({ id, state, error, restored }: OneDeployment): string {
  const why = error === undefined ? '' : `: ${shown(error)}`
  const back = state === 'failed' ? (restored ? '  What served before was restored.' : '  It was not restored.') : ''
  return `${id} ${state}${why}${back}`
}

/** What the end of a deployment says to scripts. */
function codeOf({ state, restored }: OneDeployment): ExitCode {
  switch (state) {
    case 'cancelled':
      return exit.cancelled
    case 'failed':
      return restored ? exit.restored : exit.failed
    case 'succeeded':
    case 'rolled_back':
      return exit.done
    case 'pending':
    case 'running':
      return exit.unexpected
  }
}

function idOf(of: Watched): string {
  if (typeof of === 'string') return of
  return 'deployment' in of ? of.deployment.id : of.id
}
