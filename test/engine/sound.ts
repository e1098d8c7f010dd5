import assert from 'node:assert/strict'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { disagreementsOf } from '../support/agreement.ts'
import { contradictionsOf } from '../support/history.ts'
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
  return disagreementsOf({
    table,
    replicas: h.world.replicas(instanceId),
    routes: h.router.proxy.tables.get(instanceId),
  })
}

/** What must hold of an instance at rest, whatever happened to it: the design's invariants 1, 5 and 8. */
export async function assertSound(h: House, instanceId: string): Promise<void> {
  assert.deepEqual(await disagreements(h, instanceId), [])
  assert.deepEqual(await h.store.work.queue(instanceId), [])
  const { items: releases } = await h.store.deploys.listReleases('acme', instanceId, { limit: 200 })
  const history = {
    deployments: await allDeployments(h, instanceId),
    releases,
    events: await h.events({ instanceId }),
    currentReleaseId: (await h.store.instances.get('acme', instanceId))?.currentReleaseId,
  }
  assert.deepEqual(contradictionsOf(history), [])
}

/** Every run of an instance, of whatever kind. */
export async function allDeployments(h: House, instanceId: string): Promise<readonly Deployment[]> {
  const { items } = await h.store.deploys.listDeployments('acme', instanceId, {
    limit: 200,
    kinds: ['deploy', 'rollback', 'initial', 'provision', 'scale', 'restart', 'stop', 'start', 'delete'],
  })
  return items
}
