import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Load } from '../../src/demo/load/load.ts'
import type { Event } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Doomed, startDoomed } from '../support/doomed.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertAgreed } from './agreement.ts'
import type { Told } from './recorded.ts'
import { byAge, killReplica } from './replicas.ts'
import { dataFolder, giveSign, go, type Moment, moments, reach, type Scene, shopNamed, turnBack } from './scene.ts'

const holdSeconds = 5

/** Steps to be stopped in the middle of, each lasting until a sign is given. What passes by itself comes last. */
const steps = {
  'parked hold': moments['in a parked hold'],
  pause: moments['in a pause'],
  task: { strategy: 'blue-green', options: { keepWarmSeconds: 0 }, at: 'task', end: 'succeeded' },
  retire: moments['after the switch'],
  undo: moments['in an undo'],
  run: moments['before the switch'],
  hold: { ...moments['in a hold'], options: { steps: [60], holdSeconds, keepWarmSeconds: 0 } },
  route: { ...moments['after the switch'], at: 'route', own: {} },
} as const satisfies Record<string, Moment>

type StepName = keyof typeof steps

/** Stopped in the middle of every kind of step, and blocked in the middle of two. */
export function standsStill(): void {
  stands('stopped and continued', Object.keys(steps) as StepName[], async (doomed, meanwhile) => {
    process.kill(doomed.pid, 'SIGSTOP')
    try {
      meanwhile()
      await delay(7000) // the stop itself: longer than a lease
    } finally {
      process.kill(doomed.pid, 'SIGCONT')
    }
    return { stoodMs: 7000, overAt: Date.now() }
  })

  stands('busy with something else', ['hold', 'route'], async (doomed, meanwhile) => {
    const stallMs = 8000
    const began = Date.now()
    const over = doomed.order({ kind: 'stall', stallMs })
    await delay(1000) // it has heard by now
    meanwhile()
    await over
    return { stoodMs: stallMs, overAt: began + stallMs }
  })
}

interface Stood {
  readonly stoodMs: number
  /** Wall time, milliseconds. */
  readonly overAt: number
}

/** Brings a machine into the middle of these steps, lets its control plane stand still, and sees what it does then. */
function stands(
  how: string,
  names: readonly StepName[],
  stand: (doomed: Doomed, meanwhile: () => void) => Promise<Stood>,
): void {
  describe(`A control plane that stands still for longer than its lease, ${how}, begins nothing under the old one`, () => {
    let machine: Machine
    let tenant: Tenant
    let shops: Instance[]
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
      shops = await Promise.all(
        names.map(name => {
          const own = name === 'retire' || name === 'route' ? { leavesAtSign: go } : {}
          return shopNamed(name.replaceAll(' ', '-'), machine, tenant, own)
        }),
      )
    })
    after(() => machine?.dispose())

    test(`in the middle of ${names.join(', ')}: it claims anew and goes on, and nothing is lost`, async t => {
      const loads = await Promise.all(shops.map(shop => loadOnShop(t, shop)))
      let stood: Stood = { stoodMs: 0, overAt: 0 }
      await machine.reopen(async () => {
        const doomed = await startDoomed(machine.dataDir, tenant.id, 'worker', {
          equipment: new URL('./recorded.ts', import.meta.url),
        })
        t.after(() => doomed.kill())
        const scenes = await inTheMiddle(doomed)
        stood = await stand(doomed, killOne)
        for (const shop of shops) giveSign(machine, shop)
        for (const scene of scenes) await assertEnds(scene, doomed)
        assertNothingUnderOldEpochs(doomed.told() as Told[], stood)
        await doomed.kill()
      })
      for (const load of loads) assertNothingLost(await load.stop())
      const held = await machine.slipway.store.deploys.listDeployments(tenant.id, shopOf('hold').id, { limit: 1 })
      await assertNotWatched(held.items[0]?.id ?? '', stood)
      if (names.includes('task')) assert.deepEqual(readTaskRuns(), ['ran'], 'the task ran once')
      await assertAgreed(machine, tenant, shops)
    })

    const shopOf = (name: StepName): Instance => shops[names.indexOf(name)] ?? assert.fail(`no shop for ${name}`)

    async function loadOnShop(t: TestContext, { name }: Instance): Promise<Load> {
      const target = { ...machine.slipway.front, hostHeader: `${name}.${tenant.id}.localhost` }
      return await loadOn(t, machine, tenant, { target, rps: 20, slowPerSecond: 1 })
    }

    async function inTheMiddle(doomed: Doomed): Promise<Scene[]> {
      const scenes: Scene[] = []
      const passing = names.filter((name): boolean => name === 'hold' || name === 'route')
      for (const some of [names.filter(name => !passing.includes(name)), ...passing.map(name => [name])]) {
        const added: Scene[] = []
        for (const name of some) added.push(await deploy(name, doomed))
        await Promise.all(added.map(scene => reach(scene, doomed, machine)))
        for (const scene of added) await turnBack(scene, doomed)
        scenes.push(...added)
      }
      return scenes
    }

    async function deploy(name: StepName, doomed: Doomed): Promise<Scene> {
      const moment: Moment = steps[name]
      const shop = shopOf(name)
      const before = ['sh', '-c', 'echo ran >> $DATA/ran; until [ -e $DATA/go ]; do sleep 0.1; done']
      const services = [
        { name: 'web', image: await machine.server('2', moment.own), ...(name === 'task' ? { before } : {}) },
      ]
      const request = { instanceId: shop.id, services, strategy: moment.strategy, options: moment.options }
      return { shop, moment, version: '2', deploymentId: await doomed.order({ kind: 'deploy', request }) }
    }

    /** So that there is something to do at once when it goes on, whatever it looks at first. */
    function killOne(): void {
      const newest = Object.values(byAge(machine, shopOf('hold')))
        .flat()
        .at(-1)
      killReplica(newest ?? assert.fail('nothing runs'))
    }

    /** The stall is no time in which anybody watched; a second of it may count. */
    async function assertNotWatched(deploymentId: string, { stoodMs, overAt }: Stood): Promise<void> {
      const hold = (await machine.slipway.store.work.steps(deploymentId)).find(({ step }) => step.kind === 'hold')
      const [beganAt, endedAt] = [Date.parse(hold?.beganAt ?? ''), Date.parse(hold?.endedAt ?? '')]
      // On a machine with much else to do it may have been over before.
      if (endedAt < overAt - stoodMs) return
      assert.ok(endedAt - beganAt >= holdSeconds * 1000 + stoodMs - 1000, `it lasted ${endedAt - beganAt} ms in all`)
    }

    function readTaskRuns(): string[] {
      return readFileSync(join(dataFolder(machine.dataDir, shopOf('task').id), 'ran'), 'utf8')
        .trim()
        .split('\n')
    }
  })
}

async function assertEnds({ moment, deploymentId, shop }: Scene, doomed: Doomed): Promise<void> {
  if (moment.asks) await doomed.order({ kind: moment.asks, deploymentId })
  const isEnd = (event: Event): boolean =>
    event.deploymentId === deploymentId && /^deploy\.(?:succeeded|failed|cancelled)$/.test(event.type)
  const { type, data } = await doomed.until(isEnd)
  assert.equal(type, `deploy.${moment.end}`, `${shop.name}: ${JSON.stringify(data)}`)
}

/** After it stood still nothing began under an epoch from before, and what was being worked on was claimed anew. */
function assertNothingUnderOldEpochs(told: readonly Told[], { overAt, stoodMs }: Stood): void {
  const before = new Map<string, number>()
  for (const { kind, instanceId, epoch, at } of told) if (kind === 'claim' && at < overAt) before.set(instanceId, epoch)
  const later = told.filter(one => one.at >= overAt)
  const late = later.filter(one => one.kind === 'act' && one.epoch <= (before.get(one.instanceId) ?? 0))
  assert.deepEqual(late, [])
  assert.ok(later.some(one => one.kind === 'claim'))
  assert.ok(later.some(one => one.kind === 'act'))
  const meanwhile = told.filter(one => one.at < overAt && one.at > overAt - stoodMs + 1000)
  assert.deepEqual(meanwhile, [], 'it did stand still')
}
