import type { Acting, Event, Slipway } from '../../src/index.ts'

/** What a scenario asks of Slipway, one call each. */
export function callsOf(slipway: Pick<Slipway, 'store'>, acme: Acting) {
  return {
    create: acme.instances.create,
    delete: acme.instances.delete,
    deploy: acme.deploy,
    rollback: acme.rollback,
    cancel: acme.cancel,
    finished: async (id: string) => await acme.finished(id),
    getDeployment: acme.getDeployment,
    getRelease: acme.getRelease,
    listDeployments: acme.listDeployments,
    status: acme.status,
    traffic: acme.traffic,
    events: slipway.store.events.read,
  }
}

export type Calls = ReturnType<typeof callsOf>

/** Those that change something: asked again, they might do it twice. */
export const changing: ReadonlySet<keyof Calls> = new Set(['create', 'delete', 'deploy', 'rollback', 'cancel'])

/** What it listens to: the events of one deployment until its end, or all there are. */
export function eventsOf(
  slipway: Pick<Slipway, 'bus'>,
  acme: Acting,
  deploymentId: string | undefined,
  signal: AbortSignal,
): AsyncIterable<Event> {
  return deploymentId === undefined ? slipway.bus.watch({ after: 0 }, signal) : acme.watch(deploymentId, signal)
}

/** What the scenario tells a control plane in a process of its own. Each answer has the number of what it answers. */
export type ToControlPlane =
  | { readonly type: 'call'; readonly id: number; readonly name: keyof Calls; readonly args: readonly unknown[] }
  | { readonly type: 'listen'; readonly id: number; readonly deploymentId?: string }
  | { readonly type: 'stop'; readonly id: number }
  /** Let go of everything; with `all`, end the proxy too. */
  | { readonly type: 'close'; readonly all: boolean }

/** What it says. */
export type FromControlPlane =
  | { readonly type: 'up'; readonly front: Slipway['front'] }
  | { readonly type: 'answer' | 'event'; readonly id: number; readonly value: unknown }
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'error'; readonly id: number; readonly error: WiredError }
  | { readonly type: 'failed'; readonly error: WiredError }

/** An error on its way from one process to another. */
export interface WiredError {
  readonly message: string
  readonly stack?: string
  readonly code?: string
  readonly next?: string
}
