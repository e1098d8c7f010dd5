import type { TestContext } from 'node:test'
import { type Clock, systemClock, timestamp } from '../../../src/clock.ts'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import type { Release } from '../../../src/deploy/release.ts'
import type { RunRequest } from '../../../src/deploy/run.ts'
import type { Store } from '../../../src/deploy/work.ts'
import { newId } from '../../../src/id.ts'
import type { Instance } from '../../../src/instance/instance.ts'

/** Opens a fresh, migrated store whose time is `clock`; what it needs removed is removed when the test ends. */
export type MakeStore = (t: TestContext, clock: Clock) => Promise<Store>

/** A clock that only moves when told. */
export interface HandClock extends Clock {
  advance(ms: number): void
}

export function handClock(start = Date.UTC(2026, 10, 23, 12)): HandClock {
  let now = start
  return {
    ...systemClock,
    now: () => now,
    advance(ms) {
      now += ms
    },
  }
}

/** A store with one running instance of tenant `acme`, as most tests need it. */
export async function world(t: TestContext, makeStore: MakeStore) {
  const clock = handClock()
  const store = await makeStore(t, clock)
  t.after(() => store.close())
  const instance = anInstance()
  await store.instances.insert(instance)
  return { store, clock, instance }
}

export const someTime = timestamp(Date.UTC(2026, 10, 23, 11, 30, 0, 123))

export function anInstance(more: Partial<Instance> = {}): Instance {
  return {
    id: newId('inst'),
    createdAt: someTime,
    updatedAt: someTime,
    tenantId: 'acme',
    name: 'shop',
    state: 'running',
    services: [{ name: 'web', image: 'file:./web-1', replicas: 2 }],
    hosts: [],
    policies: {},
    provider: 'process',
    urls: {},
    ...more,
  }
}

export function aDeployment(instance: Instance, more: Partial<Deployment> = {}): Deployment {
  return {
    id: newId('dep'),
    createdAt: someTime,
    updatedAt: someTime,
    tenantId: instance.tenantId,
    instanceId: instance.id,
    releaseId: newId('rel'),
    kind: 'deploy',
    state: 'pending',
    strategy: 'rolling',
    services: [{ name: 'web', image: 'file:./web-2', env: { MODE: 'fast' } }],
    initiator: 'ann',
    ...more,
  }
}

export function aRelease(instance: Instance, version: number, more: Partial<Release> = {}): Release {
  return {
    id: newId('rel'),
    createdAt: someTime,
    updatedAt: someTime,
    tenantId: instance.tenantId,
    instanceId: instance.id,
    version,
    services: [{ name: 'web', image: 'file:./web-1', digest: 'sha256:aa' }],
    active: false,
    ...more,
  }
}

export const aRequest: RunRequest = {
  kind: 'deploy',
  services: [{ name: 'web', image: 'file:./web-2' }],
  complete: false,
}

/** Reads a list to its end, `limit` at a time; `between` runs after each page. */
export async function everyPage<T>(
  list: (options: { limit: number; cursor?: string }) => Promise<{ items: readonly T[]; nextCursor?: string }>,
  limit: number,
  between: () => Promise<void> = async () => {},
): Promise<T[]> {
  const all: T[] = []
  let cursor: string | undefined
  do {
    const page = await list(cursor === undefined ? { limit } : { limit, cursor })
    all.push(...page.items)
    cursor = page.nextCursor
    await between()
  } while (cursor !== undefined)
  return all
}
