import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RunRequest } from '../../src/deploy/run.ts'
import { quotaPreview } from '../../src/tenant/quota.ts'
import { type InstanceLoad, usageOf, withRequest } from '../../src/tenant/usage.ts'

const service = (name: string, replicas: number, memoryBytes?: number) => ({
  name,
  image: 'x',
  replicas,
  ...(memoryBytes === undefined ? {} : { resources: { memoryBytes } }),
})
const load: InstanceLoad = {
  instanceId: 'inst_1',
  services: [service('web', 2, 100), service('worker', 1)],
  removedReplicas: { api: 3 },
  requests: [],
}
const after = (request: RunRequest) => usageOf(withRequest([load], 'inst_1', request))

describe('what is used of a quota', () => {
  test('is what is declared, and the memory of those that declare some', () => {
    assert.deepEqual(usageOf([load, { ...load, instanceId: 'inst_2', services: [] }]), {
      instances: 2,
      replicas: 3,
      deployments: 0,
      memoryBytes: 200,
    })
  })

  test('counts a service that is scaled with the larger of both ends', () => {
    assert.deepEqual(after({ kind: 'scale', replicas: { web: 5 } }), {
      instances: 1,
      replicas: 6,
      deployments: 1,
      memoryBytes: 500,
    })
    assert.equal(after({ kind: 'scale', replicas: { web: 1 } }).replicas, 3)
  })

  test('counts what a deploy adds, brings back or makes larger, while it runs', () => {
    const deploy = (...services: ReturnType<typeof service>[]) => after({ kind: 'deploy', complete: true, services })
    assert.equal(deploy(service('new', 4)).replicas, 7)
    assert.equal(deploy(service('api', 1)).replicas, 6)
    assert.equal(deploy(service('web', 9)).replicas, 3)
    assert.equal(deploy(service('web', 2, 300)).memoryBytes, 600)
  })

  test('is beyond a limit only where it grows: a quota below what is used takes nothing away', () => {
    const at = (replicas: number) => ({ instances: 1, replicas, deployments: 0, memoryBytes: 0 })
    const exceeded = (before: number, then: number) =>
      quotaPreview({ replicas: 4 }, at(before), at(then)).replicas?.exceeded
    assert.equal(exceeded(3, 4), false)
    assert.equal(exceeded(4, 5), true)
    assert.equal(exceeded(6, 6), false)
    assert.equal(exceeded(6, 5), false)
  })
})
