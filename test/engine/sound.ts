import assert from 'node:assert/strict'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { hasEnded } from '../../src/deploy/deployment.ts'
import { mayBecome } from '../../src/deploy/states.ts'
import type { Event } from '../../src/event/event.ts'
import type { House } from './harness.ts'

/** Lets time pass until nothing is left to do for an instance: table, platform and router agree. */
export async function settled(h: House, instanceId: string, limitMs?: number): Promise<void> {
  let left: readonly string[] = []
  const agreed = async (): Promise<boolean> => {
    const record = await h.store.work.load(instanceId)
    left = await disagreements(h, instanceId)
    return record?.owner === undefined && left.length === 0
  }
  try {
    await h.when(agreed, limitMs)
  } catch (error) {
    throw new Error(`Not at rest: ${left.join('; ') || 'somebody owns it'}. ${JSON.stringify(h.warnings.slice(-10))}`, {
      cause: error,
    })
  }
}

/** Where table, platform and router differ, one line each. */
export async function disagreements(h: House, instanceId: string): Promise<string[]> {
  const { table = [] } = (await h.store.work.load(instanceId)) ?? {}
  const replicas = h.world.replicas(instanceId)
  const rows = new Map(table.map(row => [`${row.service}.${row.revision}`, row]))
  const strays = replicas.filter(replica => !rows.has(`${replica.service}.${replica.revision}`))
  const counts = table.flatMap(row => {
    const living = replicas.filter(replica => replica.revision === row.revision && replica.service === row.service)
    const there = living.filter(replica => replica.state === 'running').length
    return there === row.replicas && living.length === there
      ? []
      : [`${row.service} ${row.revision}: ${there} of ${row.replicas} run, ${living.length} are there`]
  })
  const routes = Object.entries(h.router.proxy.tables.get(instanceId)?.services ?? {})
  const weights = routes.flatMap(([service, { revisions }]) =>
    Object.entries(revisions).flatMap(([revision, { weight, endpoints }]) => {
      const row = rows.get(`${service}.${revision}`)
      const serving = endpoints.filter(end => end.state === 'serving').length
      if (weight === (row?.weight ?? 0) && serving === (row?.replicas ?? 0)) return []
      return [`${service} ${revision} has ${weight} % and ${serving} endpoints, wanted ${JSON.stringify(row)}`]
    }),
  )
  const routed = new Map(routes.map(([service, { revisions }]) => [service, revisions]))
  const missing = table.filter(row => row.weight > 0 && !routed.get(row.service)?.[row.revision])
  return [
    ...strays.map(replica => `${replica.name} is there and belongs to no row`),
    ...counts,
    ...weights,
    ...missing.map(row => `${row.service} ${row.revision} is not routed`),
  ]
}

/** What must hold of an instance at rest, whatever happened to it: the design's invariants 1, 5 and 8. */
export async function assertSound(h: House, instanceId: string): Promise<void> {
  assert.deepEqual(await disagreements(h, instanceId), [])
  assert.deepEqual(await h.store.work.queue(instanceId), [])
  const deployments = await allDeployments(h, instanceId)
  const events = await h.events({ instanceId })
  for (const deployment of deployments) assertOneEnd(deployment, events)
  assertOneAtATime(events)
  const { items: releases } = await h.store.deploys.listReleases('acme', instanceId, { limit: 200 })
  assert.deepEqual(
    releases.map(release => release.version),
    releases.map((_, index) => releases.length - index),
    'versions without gaps',
  )
  const instance = await h.store.instances.get('acme', instanceId)
  const active = releases.filter(release => release.active)
  assert.deepEqual(
    active.map(release => release.id),
    instance?.currentReleaseId === undefined ? [] : [instance.currentReleaseId],
  )
}

/** Every run of an instance, of whatever kind. */
export async function allDeployments(h: House, instanceId: string): Promise<readonly Deployment[]> {
  const { items } = await h.store.deploys.listDeployments('acme', instanceId, {
    limit: 200,
    kinds: ['deploy', 'rollback', 'initial', 'provision', 'scale', 'restart', 'stop', 'start', 'delete'],
  })
  return items
}

const endOf: Readonly<Record<string, string>> = {
  'deploy.succeeded': 'succeeded',
  'deploy.failed': 'failed',
  'deploy.cancelled': 'cancelled',
  'deploy.rolled_back': 'rolled_back',
}

function assertOneEnd(deployment: Deployment, all: readonly Event[]): void {
  const types = all.filter(event => event.deploymentId === deployment.id).map(event => event.type)
  assert.ok(hasEnded(deployment.state), `${deployment.kind} ${deployment.id} is ${deployment.state}`)
  const states = types.flatMap(type => (type === 'deploy.started' ? ['running'] : (endOf[type] ?? [])))
  const ends = states.filter(state => state !== 'running' && state !== 'rolled_back')
  assert.equal(ends.length, 1, `${deployment.id} has the events ${types.join(', ')}`)
  assert.equal(states.at(-1), deployment.state)
  if (deployment.kind === 'initial') return
  states.reduce((from, to) => {
    assert.ok(mayBecome(from as never, to as never), `${deployment.id} went from ${from} to ${to}`)
    return to
  }, 'pending')
}

/** From `deploy.started` to its end no other deployment of the instance runs. */
function assertOneAtATime(events: readonly Event[]): void {
  let current: string | undefined
  for (const { type, deploymentId } of events) {
    if (type === 'deploy.started') {
      assert.equal(current, undefined, `${deploymentId} started while ${current} ran`)
      current = deploymentId
    }
    if (type in endOf && type !== 'deploy.rolled_back' && deploymentId === current) current = undefined
  }
}
