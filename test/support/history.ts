import type { Deployment } from '../../src/deploy/deployment.ts'
import { hasEnded } from '../../src/deploy/deployment.ts'
import type { Release } from '../../src/deploy/release.ts'
import { mayBecome } from '../../src/deploy/states.ts'
import type { Event } from '../../src/event/event.ts'

/** Everything the store tells of one instance. */
export interface History {
  readonly deployments: readonly Deployment[]
  /** Newest first. */
  readonly releases: readonly Release[]
  /** In order. */
  readonly events: readonly Event[]
  readonly currentReleaseId: string | undefined
}

/** What of it can't be, one line each: the design's invariants 1 and 8. */
export function contradictionsOf({ deployments, releases, events, currentReleaseId }: History): string[] {
  const versions = releases.map(release => release.version)
  const active = releases.filter(release => release.active).map(release => release.id)
  const current = currentReleaseId === undefined ? [] : [currentReleaseId]
  return [
    ...deployments.flatMap(deployment => endOf(deployment, events)),
    ...oneAtATime(events),
    ...(versions.every((version, index) => version === versions.length - index)
      ? []
      : [`the versions are ${versions.join(', ')}`]),
    ...(active.join() === current.join() ? [] : [`active is ${active.join(', ')}, the instance has ${current.join()}`]),
  ]
}

const states: Readonly<Record<string, string>> = {
  'deploy.started': 'running',
  'deploy.succeeded': 'succeeded',
  'deploy.failed': 'failed',
  'deploy.cancelled': 'cancelled',
  'deploy.rolled_back': 'rolled_back',
}

const isEnd = (state: string | undefined): boolean =>
  state !== undefined && state !== 'running' && state !== 'rolled_back'

/** Its states came in order, and exactly one of them was an end. */
function endOf(deployment: Deployment, all: readonly Event[]): string[] {
  const name = `${deployment.kind} ${deployment.id}`
  if (!hasEnded(deployment.state)) return [`${name} is ${deployment.state}`]
  const types = all.filter(event => event.deploymentId === deployment.id).map(event => event.type)
  const path = types.flatMap(type => states[type] ?? [])
  const order = deployment.kind === 'initial' ? path : ['pending', ...path]
  const jumps = order.flatMap((to, index) => {
    const from = order[index - 1]
    return from === undefined || mayBecome(from as never, to as never) ? [] : [`${name} went from ${from} to ${to}`]
  })
  return [
    ...(path.filter(isEnd).length === 1 ? [] : [`${name} has the events ${types.join(', ')}`]),
    ...(path.at(-1) === deployment.state ? [] : [`${name} is ${deployment.state}, and its events say ${path.join()}`]),
    ...jumps,
  ]
}

/** From `deploy.started` to its end no other deployment of the instance runs. */
function oneAtATime(events: readonly Event[]): string[] {
  const wrong: string[] = []
  let current: string | undefined
  for (const { type, deploymentId } of events) {
    if (type === 'deploy.started') {
      if (current !== undefined) wrong.push(`${deploymentId} started while ${current} ran`)
      current = deploymentId
    }
    if (isEnd(states[type]) && deploymentId === current) current = undefined
  }
  return wrong
}
