import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import type { CreateInstanceRequest } from '../../src/instance/schema.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertRefused, everyRow, refusalOf } from '../support/refusal.ts'
import { worker } from '../support/services.ts'

describe('what is refused', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  let image: string
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    image = await machine.worker('1')
    shop = await tenant.up([worker(image)])
  })
  after(() => machine.dispose())

  const deploy = (more: object) => () =>
    tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image }], ...more })
  const create = (more: Partial<CreateInstanceRequest>) => () =>
    tenant.acting.instances.create({ name: 'other', services: [worker(image)], ...more })

  describe('5. refused before anything is written:', () => {
    test('an unknown strategy', () =>
      assertRefused(machine, 'unknown_strategy', /"big-bang"/, deploy({ strategy: 'big-bang' })))
    test('an unknown provider', () =>
      assertRefused(machine, 'unknown_provider', /"moon"/, create({ provider: 'moon' })))
    test('an unknown service', () =>
      assertRefused(machine, 'unknown_service', /"wroker"/, deploy({ services: [{ name: 'wroker', image }] })))
    test('a missing capability', async () => {
      const volumes = [{ name: 'files', path: '/files' }]
      await assertRefused(
        machine,
        'missing_capability',
        /volumes.*"process"/,
        create({ services: [{ ...worker(image), volumes }] }),
      )
      await assertRefused(
        machine,
        'missing_capability',
        /volumes.*"process"/,
        deploy({ services: [{ name: 'worker', image, volumes }] }),
      )
    })
    test('an empty service list', async () => {
      await assertRefused(machine, 'empty_services', /no service/, deploy({ services: [] }))
      await assertRefused(machine, 'empty_services', /no service/, create({ services: [] }))
    })
    test('duplicate names', async () => {
      const twice = [worker(image), worker(image)]
      await assertRefused(machine, 'duplicate_service', /"worker" is named twice/, deploy({ services: twice }))
      await assertRefused(machine, 'duplicate_service', /"worker" is named twice/, create({ services: twice }))
    })
    test('an empty image', async () => {
      for (const nothing of ['', '  ']) {
        const services = [{ name: 'worker', image: nothing }]
        await assertRefused(machine, 'empty_image', /"worker" has an empty image/, deploy({ services }))
        await assertRefused(machine, 'empty_image', /"worker" has an empty image/, create({ services }))
      }
    })
    test('a stopped instance', async () => {
      const other = machine.tenant()
      const stopped = await other.up([worker(image)])
      await other.done(await other.acting.instances.stop(stopped.id))
      const [first] = await other.releases(stopped)
      const ask = { instanceId: stopped.id, services: [{ name: 'worker', image }] }
      await assertRefused(machine, 'instance_state', /"shop" is stopped/, () => other.acting.deploy(ask))
      await assertRefused(machine, 'instance_state', /"shop" is stopped/, () =>
        other.acting.rollback({ instanceId: stopped.id, releaseId: first?.id ?? '' }),
      )
    })
  })

  test("19. Another tenant's id is answered exactly like an id that does not exist", async () => {
    const stranger = machine.tenant().acting
    const [deployments, releases] = [await tenant.acting.listDeployments(shop.id), await tenant.releases(shop)]
    const task = await tenant.acting.tasks.run(shop.id, { service: 'worker', command: ['true'] })
    await tenant.acting.tasks.finished(task.id)
    const ids = { inst: shop.id, dep: deployments.items[0]?.id ?? '', rel: releases[0]?.id ?? '', task: task.id }
    const none = { inst: nobody(ids.inst), dep: nobody(ids.dep), rel: nobody(ids.rel), task: nobody(ids.task) }
    const asks: Record<string, (id: typeof ids) => unknown> = {
      deploy: ({ inst }) => stranger.deploy({ instanceId: inst, services: [{ name: 'worker', image }] }),
      plan: ({ inst }) => stranger.plan({ instanceId: inst, services: [{ name: 'worker', image }] }),
      recordInitial: ({ inst }) => stranger.recordInitial(inst),
      rollback: ({ inst, rel }) => stranger.rollback({ instanceId: inst, releaseId: rel }),
      cancel: ({ dep }) => stranger.cancel(dep),
      promote: ({ dep }) => stranger.promote(dep),
      pause: ({ dep }) => stranger.pause(dep),
      resume: ({ dep }) => stranger.resume(dep),
      retry: ({ dep }) => stranger.retry(dep),
      getDeployment: ({ dep }) => stranger.getDeployment(dep),
      listDeployments: ({ inst }) => stranger.listDeployments(inst),
      getRelease: ({ rel }) => stranger.getRelease(rel),
      listReleases: ({ inst }) => stranger.listReleases(inst),
      diff: ({ rel }) => stranger.diff(rel, rel),
      finished: ({ dep }) => stranger.finished(dep),
      watch: ({ dep }) => stranger.watch(dep)[Symbol.asyncIterator]().next(),
      status: ({ inst }) => stranger.status(inst),
      traffic: ({ inst }) => stranger.traffic(inst),
      logs: ({ inst }) => stranger.logs({ instanceId: inst })[Symbol.asyncIterator]().next(),
      steps: ({ dep }) => stranger.steps(dep),
      actions: ({ dep }) => stranger.actions(dep),
      inspect: ({ dep }) => stranger.inspect(dep),
      previousRelease: ({ inst }) => stranger.previousRelease(inst),
      'instances.get': ({ inst }) => stranger.instances.get(inst),
      'instances.update': ({ inst }) => stranger.instances.update(inst, { hosts: ['shop.example'] }),
      'instances.scale': ({ inst }) => stranger.instances.scale(inst, { worker: 2 }),
      'instances.restart': ({ inst }) => stranger.instances.restart(inst),
      'instances.stop': ({ inst }) => stranger.instances.stop(inst),
      'instances.start': ({ inst }) => stranger.instances.start(inst),
      'instances.adopt': ({ inst }) => stranger.instances.adopt(inst),
      'instances.delete': ({ inst }) => stranger.instances.delete(inst),
      'history.timeline': ({ dep }) => stranger.history.timeline(dep),
      'history.chart': ({ dep }) => stranger.history.chart(dep),
      'history.progress': ({ dep }) => stranger.history.progress(dep),
      'history.health': ({ inst }) => stranger.history.health(inst),
      'history.releases': ({ inst }) => stranger.history.releases(inst),
      'tasks.run': ({ inst }) => stranger.tasks.run(inst, { service: 'worker', command: ['true'] }),
      'tasks.list': ({ inst }) => stranger.tasks.list(inst),
      'tasks.get': ({ task }) => stranger.tasks.get(task),
      'tasks.cancel': ({ task }) => stranger.tasks.cancel(task),
      'tasks.finished': ({ task }) => stranger.tasks.finished(task),
    }
    // What has ids of its own and no instance around it: test/server/isolation.test.ts.
    const own = [
      'instances',
      'secrets',
      'tokens',
      'events',
      'audit',
      'tasks',
      'history',
      'webhooks',
      'tenants',
      'findDeployments',
    ]
    const listing = ['instances.create', 'instances.list', 'instances.summary', 'history.instances']
    const methods = [
      ...Object.keys(stranger),
      ...Object.keys(stranger.instances).map(name => `instances.${name}`),
      ...Object.keys(stranger.tasks).map(name => `tasks.${name}`),
      ...Object.keys(stranger.history).map(name => `history.${name}`),
    ]
    assert.deepEqual(
      Object.keys(asks).toSorted(),
      methods.filter(name => !own.includes(name) && !listing.includes(name)).toSorted(),
    )
    const before = everyRow(machine)
    for (const [method, ask] of Object.entries(asks)) {
      const theirs = await refusalOf(() => ask(ids))
      const nobodys = await refusalOf(() => ask(none))
      assert.equal(theirs.code, 'not_found', method)
      assert.deepEqual(facts(theirs, ids), facts(nobodys, none), method)
    }
    assert.deepEqual(everyRow(machine), before)
    // A foreign release is not there for an instance of one's own either, and a foreign service list shows nothing.
    const mine = machine.tenant()
    const own1 = await mine.up([worker(image)])
    const theirs = await refusalOf(() => mine.acting.rollback({ instanceId: own1.id, releaseId: ids.rel }))
    const nobodys = await refusalOf(() => mine.acting.rollback({ instanceId: own1.id, releaseId: none.rel }))
    assert.deepEqual(facts(theirs, ids), facts(nobodys, none))
    assert.deepEqual((await stranger.instances.list()).items, [])
    assert.deepEqual((await stranger.instances.summary()).instances, {})
    assert.deepEqual((await stranger.findDeployments()).items, [])
    assert.deepEqual(await stranger.events.read({}), [])
  })
})

/** An id of the same kind that nothing has. */
function nobody(id: string): string {
  return `${id.slice(0, -6)}000000`
}

/** All of an error but the ids that were asked for. */
function facts(
  error: { code: string; message: string; next?: string; details?: unknown; fields?: unknown },
  ids: object,
): object {
  const text = JSON.stringify([error.code, error.message, error.next, error.details, error.fields])
  return [
    Object.keys(error).toSorted(),
    Object.values(ids).reduce<string>((rest, id: string) => rest.replaceAll(id, '<id>'), text),
  ]
}
