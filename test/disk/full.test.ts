import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { workerTtlMs } from '../../src/store/sql/leases.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { web } from '../support/services.ts'
import { noSmallDisk, type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

const MiB = 1024 * 1024
const reserveBytes = 8 * MiB
/** Rollouts that would give up soon: on a full disk they must not. */
const policies = { progressDeadlineMs: 2000, drainMs: 2000 }

// Each on a disk and a machine of its own. Mostly they wait, so some of them do it at the same time.
describe('on a full disk', { skip: noSmallDisk ?? false, concurrency: 3 }, () => {
  test('what is new is refused before it is full, with nothing written; what brings back, stops and removes is not', async t => {
    const at = await scene(t)
    const { disk, machine, tenant } = at
    const { id: instanceId } = await shopOf(at)
    const image = await machine.server('2')
    await tenant.done(await tenant.acting.deploy({ instanceId, services: [{ name: 'web', image }] }))
    const [first, second] = await tenant.releases({ id: instanceId })
    disk.fill(reserveBytes / 2)
    const { acting } = tenant
    const before = await written(machine, tenant, instanceId)
    const next = await machine.server('3')
    const asked: Record<string, () => Promise<unknown>> = {
      deploy: () => acting.deploy({ instanceId, services: [{ name: 'web', image: next }] }),
      plan: () => acting.plan({ instanceId, services: [{ name: 'web', image: next }] }),
      create: () => acting.instances.create({ name: 'other', services: [web(next)] }),
      scale: () => acting.instances.scale(instanceId, { web: 3 }),
      restart: () => acting.instances.restart(instanceId),
    }
    for (const [what, ask] of Object.entries(asked)) {
      await assert.rejects(ask(), error => {
        assert.ok(isSlipwayError(error, 'disk_full'), `${what}: ${String(error)}`)
        assert.match(error.message, /: 4\.\d MB are free at .*data, and that is less than the 8\.4 MB/)
        assert.match(error.next ?? '', /^Make room/)
        return true
      })
    }
    assert.deepEqual(await written(machine, tenant, instanceId), before)
    const { freeBytes } = await machine.slipway.space()
    assert.ok(freeBytes < reserveBytes && freeBytes > 0)

    await tenant.done(await acting.rollback({ instanceId, releaseId: first?.id ?? '' }))
    await tenant.done(await acting.instances.stop(instanceId))
    disk.empty()
    await tenant.done(await acting.instances.start(instanceId))
    assert.equal((await tenant.ask()).told().version, '1')
    assert.equal((await acting.getRelease(second?.id ?? '')).active, false)
  })

  test('no request is lost, and a deployment waits longer than it may stand still, to go on by itself when there is room', async t => {
    const at = await scene(t)
    const { disk, machine, tenant } = at
    const instance = await shopOf(at)
    const load = await loadOn(t, machine, tenant)
    const deployment = await caught(at, instance)
    await longerThanItMayStandStill()
    assert.equal((await tenant.acting.getDeployment(deployment.id)).state, 'running')
    assert.equal((await tenant.ask()).told().version, '1')
    disk.empty()
    await endsSoon(at, deployment)
    assert.equal((await tenant.ask()).told().version, '2')
    assertNothingLost(await load.stop())
  })

  test('a replica that dies is started again, and gets its traffic once the proxy can write that down', async t => {
    const at = await scene(t)
    const { disk, tenant } = at
    const instance = await shopOf(at)
    const { pid } = (await tenant.ask()).told()
    disk.fill()
    process.kill(pid, 'SIGKILL')
    const running = async () =>
      (await tenant.acting.status(instance.id)).replicas.filter(({ health }) => health === 'ready')
    await until('two of them are ready again', async () => (await running()).length === 2)
    assert.equal(disk.free(), 0)
    // The one that lives answers for both.
    assert.equal((await tenant.ask()).status, 200)
    disk.empty()
    const pids = new Set<number>()
    await until('both answer', async () => pids.add((await tenant.ask()).told().pid).size === 2)
  })

  test('where not even a heartbeat can be written, leases run out and nothing stops serving; then all of it is taken up again', async t => {
    const at = await scene(t)
    const { disk, machine, tenant, heard } = at
    const instance = await shopOf(at)
    const load = await loadOn(t, machine, tenant)
    const deployment = await caught(at, instance)
    await useUpTheLog(at)
    await heard(/the heartbeat could not be written/)
    await heard(/the heartbeat came too late/)
    disk.empty()
    await endsSoon(at, deployment)
    assert.equal((await tenant.ask()).told().version, '2')
    assertNothingLost(await load.stop())
  })

  test('an undo is not given up for it', async t => {
    const at = await scene(t)
    const { disk, machine, tenant } = at
    const { id: instanceId } = await shopOf(at)
    const image = await machine.server('2')
    const options = { steps: [{ weight: 50, holdSeconds: 0, pause: true }] }
    const services = [{ name: 'web', image }]
    const deployment = await tenant.acting.deploy({ instanceId, strategy: 'canary', options, services })
    await tenant.reach(deployment, now => now.reason?.code === 'awaiting_promote')
    disk.fill()
    await tenant.acting.cancel(deployment.id)
    await longerThanItMayStandStill()
    assert.equal((await tenant.acting.getDeployment(deployment.id)).reason?.code, 'undoing')
    await useUpTheLog(at)
    disk.empty()
    const { state, restored } = await tenant.end(deployment)
    assert.deepEqual([state, restored], ['cancelled', true])
    assert.equal((await tenant.ask()).told().version, '1')
  })

  test('a control plane that is started on it serves on what it finds, and is at work once there is room', async t => {
    const at = await scene(t)
    const { disk, machine, tenant } = at
    const instance = await shopOf(at)
    disk.fill()
    await machine.reopen()
    assert.equal((await tenant.ask()).told().version, '1')
    disk.empty()
    const image = await machine.server('2')
    await tenant.done(await tenant.acting.deploy({ instanceId: instance.id, services: [{ name: 'web', image }] }))
  })
})

/** A machine whose disk can be full. */
interface Scene {
  readonly disk: SmallDisk
  readonly machine: Machine
  readonly tenant: Tenant
  /** Waits until an operator is told so. */
  heard(text: RegExp): Promise<unknown>
}

async function scene(t: TestContext): Promise<Scene> {
  const disk = smallDisk(64 * MiB)
  const told: string[] = []
  const log = {
    info: (_: object, text: string) => told.push(text),
    warn: (_: object, text: string) => told.push(text),
  }
  const machine = await startMachine({ reserveBytes, log }, disk.folder)
  t.after(async () => {
    disk.empty()
    await machine.dispose().finally(() => disk.dispose())
  })
  const heard = (text: RegExp) => until(`it says ${text}`, () => told.some(line => text.test(line)))
  return { disk, machine, tenant: machine.tenant(), heard }
}

async function shopOf({ machine, tenant }: Scene): Promise<Instance> {
  return await tenant.up([web(await machine.server('1'), { replicas: 2 })], { policies })
}

/** A deployment that is in the middle of bringing version 2 up when the disk gets full. */
async function caught({ disk, machine, tenant }: Scene, { id: instanceId }: Instance) {
  const image = await machine.server('2', { listensAfterMs: 500 })
  const deployment = await tenant.acting.deploy({
    instanceId,
    strategy: 'blue-green',
    services: [{ name: 'web', image }],
  })
  await tenant.reach(deployment, now => now.reason?.code === 'health')
  disk.fill()
  return deployment
}

/** Writes events until the room that the database's log was given is used up too. */
async function useUpTheLog({ machine }: Scene): Promise<void> {
  const data = { pad: 'x'.repeat(20_000) }
  await assert.rejects(
    (async () => {
      for (;;) await machine.slipway.bus.publish({ type: 'instance.updated', tenantId: 'nobody', data })
    })(),
    error => isSlipwayError(error, 'disk_full'),
  )
}

async function longerThanItMayStandStill(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 2 * policies.progressDeadlineMs))
}

/** Within ten times what it takes: leases that ran out are claimed anew within a beat. */
async function endsSoon({ tenant }: Scene, of: { readonly id: string }): Promise<void> {
  const ended = await Promise.race([
    tenant.end(of),
    new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error('It goes on too late.')), 4 * workerTtlMs).unref(),
    ),
  ])
  assert.equal(ended.state, 'succeeded', ended.error)
}

/** Everything a refused request could have written. */
async function written(machine: Machine, tenant: Tenant, instanceId: string) {
  const { acting } = tenant
  return {
    deployments: (await acting.listDeployments(instanceId)).total,
    releases: (await acting.listReleases(instanceId)).total,
    instances: (await acting.instances.list()).total,
    events: await machine.slipway.store.events.lastSeq(),
    images: readdirSync(join(machine.dataDir, 'images')),
    temporary: readdirSync(join(machine.dataDir, 'tmp')),
  }
}
