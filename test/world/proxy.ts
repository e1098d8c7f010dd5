import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import { runningProcess } from '../../src/router/proxy/find.ts'
import { launch } from '../../src/router/proxy/launch.ts'
import { type Place, placeOf } from '../../src/router/proxy/place.ts'
import { isRunning } from '../../src/router/proxy/running.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { until } from '../support/until.ts'
import { assertAgreed } from './agreement.ts'
import { killedAt, type Scene, seeThrough, shopsFor, type Wanted } from './scene.ts'

const wanted: readonly Wanted[] = [
  { name: 'held', moment: 'in a hold' },
  { name: 'paused', moment: 'in a pause' },
  { name: 'switched', moment: 'after the switch' },
  { name: 'undone', moment: 'in an undo' },
]

/** Four things that happen to the proxy, each on a machine of its own. */
export function proxyChanges(): void {
  scene('it restarts, and serves before anybody is back', async ({ place, front, shops }) => {
    await killProxy(place)
    launch(place, { frontPort: front.port })
    for (const { name, tenantId } of shops) await answers(front, `${name}.${tenantId}.localhost`)
  })

  scene('it dies, and its folder is empty', async ({ place }) => {
    await killProxy(place)
    await rm(place.state, { recursive: true })
  })

  scene('it dies, and its folder is put back as it was before the deployments', async ({ place, copy }) => {
    await killProxy(place)
    await rm(place.state, { recursive: true })
    await cp(copy, place.state, { recursive: true })
  })

  scene('it dies, and a stranger takes the port of a service', async ({ t, machine, place, shops, afterwards }) => {
    await killProxy(place)
    const port = portOf(shops.find(({ name }) => name === 'switched'))
    const stranger = createServer((_, response) => response.end('not yours')).listen(port, '127.0.0.1')
    t.after(() => stranger.close())
    await once(stranger, 'listening')
    afterwards.push(async () => {
      const { ok, message } = await machine.slipway.router.check()
      assert.equal(ok, false)
      assert.match(message, new RegExp(`port ${port} is not open`))
      stranger.close()
      await until('the proxy has its port back', async () => (await machine.slipway.router.check()).ok)
    })
  })
}

interface At {
  readonly t: TestContext
  readonly machine: Machine
  readonly place: Place
  /** A copy of the proxy's folder from before. */
  readonly copy: string
  readonly front: { readonly host: string; readonly port: number }
  readonly shops: readonly Instance[]
  /** What to do when the deployments have ended. */
  readonly afterwards: (() => Promise<void>)[]
}

/**
 * One machine to which that happens in the middle of deployments; they end, and from then on nothing is lost.
 */
function scene(title: string, happens: (at: At) => Promise<void>): void {
  describe(`The proxy changes while the control plane is dead: ${title}`, () => {
    let machine: Machine
    let tenant: Tenant
    let shops: Instance[]
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
      shops = await shopsFor(wanted, machine, tenant)
    })
    after(() => machine?.dispose())

    test('every deployment ends as it should, and nothing is lost on the way', { concurrency: true }, async t => {
      const place = placeOf(machine.dataDir)
      const copy = join(machine.dataDir, 'proxy.copy')
      await cp(place.state, copy, { recursive: true })
      const { front } = machine.slipway
      const afterwards: At['afterwards'] = []
      const scenes = await killedAt(wanted, shops, machine, tenant, () =>
        happens({ t, machine, place, copy, front, shops, afterwards }),
      )
      await Promise.all(
        scenes.map(async at => {
          const host = `${at.shop.name}.${tenant.id}.localhost`
          await answers(machine.slipway.front, host)
          const load = await loadOn(t, machine, tenant, {
            target: { ...machine.slipway.front, hostHeader: host },
            rps: 20,
          })
          await seeThrough(at, tenant)
          assertNothingLost(await load.stop())
        }),
      )
      for (const act of afterwards) await act()
      for (const at of scenes) await assertServes(at, tenant)
      await assertAgreed(machine, tenant, shops)
    })
  })
}

/** By its name and at its own port. */
async function assertServes({ moment, version, shop }: Scene, tenant: Tenant): Promise<void> {
  const port = portOf(await tenant.acting.instances.get(shop.id))
  const told = (await ask({ host: '127.0.0.1', port }, 'localhost')).told()
  assert.equal(told.version, moment.end === 'succeeded' ? version : '1')
}

function portOf(shop: Instance | undefined): number {
  return Number(new URL(shop?.urls['web'] ?? '').port)
}

async function answers(front: { host: string; port: number }, host: string): Promise<void> {
  const right = async (): Promise<boolean> => {
    try {
      return (await ask(front, host, '/hello')).status === 200
    } catch (error) {
      void error // because nobody listens there yet
      return false
    }
  }
  await until(`${host} answers`, right)
}

async function killProxy(place: Place): Promise<void> {
  const { pid } = runningProcess(place) ?? assert.fail('no proxy runs')
  process.kill(pid, 'SIGKILL')
  await until('the proxy is gone', () => !isRunning(pid))
}
