import assert from 'node:assert/strict'
import { chmodSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertAgreed } from './agreement.ts'
import { byAge, killReplica } from './replicas.ts'
import { killedAt, type Scene, shopsFor, type Wanted } from './scene.ts'

/** What is done to the copy of an image: gone, or its program is empty. */
type Damage = (folder: string) => void

const gone: Damage = folder => rmSync(folder, { recursive: true })
const damaged: Damage = folder => {
  chmodSync(join(folder, 'program.mjs'), 0o600)
  truncateSync(join(folder, 'program.mjs'), 0)
}

interface Loss extends Wanted {
  /** Which copy, and whether the replicas that run from it die as well. */
  readonly of: 'fresh' | 'old'
  readonly how: Damage
  readonly dies: boolean
  readonly ends: (ended: Deployment) => void
}

const succeeds = (ended: Deployment): void => assert.equal(ended.state, 'succeeded', ended.error)
const namesTheCopy = (ended: Deployment): void => {
  assert.equal(ended.state, 'failed')
  assert.equal(ended.errorCode, 'image_gone')
  assert.equal(ended.restored, true)
  assert.match(ended.error ?? '', /^The copy of the image file:\S+ \(sha256:\w+\) is not complete any more\.$/)
}

const tellsWhyNotRestored = (ended: Deployment): void => {
  assert.equal(ended.state, 'cancelled')
  assert.equal(ended.restored, false)
  assert.match(
    ended.error ?? '',
    /; what served before could not be brought back: The copy of the image file:\S+ \(sha256:\w+\) is not complete any more\.$/,
  )
}

/** The new version has one replica at 40 %, and needs another. */
const growing = { options: { steps: [40], holdSeconds: 4, keepWarmSeconds: 0 } }

const losses: readonly Loss[] = [
  { name: 'new-gone', moment: 'in a hold', ...growing, of: 'fresh', how: gone, dies: false, ends: namesTheCopy },
  { name: 'new-damaged', moment: 'in a hold', ...growing, of: 'fresh', how: damaged, dies: false, ends: namesTheCopy },
  { name: 'new-gone-and-dead', moment: 'in a hold', of: 'fresh', how: gone, dies: true, ends: namesTheCopy },
  { name: 'old-gone', moment: 'in a hold', of: 'old', how: gone, dies: false, ends: succeeds },
  { name: 'old-gone-and-dead', moment: 'in a pause', of: 'old', how: gone, dies: true, ends: succeeds },
  { name: 'lost', moment: 'in an undo', of: 'old', how: gone, dies: true, ends: tellsWhyNotRestored },
]

/** Six ways to lose the copy of an image, on one machine. */
export function copiesAreLost(): void {
  describe('Copies of images are lost while the control plane is dead', () => {
    let machine: Machine
    let tenant: Tenant
    before(async () => {
      machine = await startMachine()
      tenant = machine.tenant()
    })
    after(() => machine?.dispose())

    test('and what was given as image as well:', { concurrency: true }, async t => {
      const shops: Instance[] = await shopsFor(losses, machine, tenant)
      const scenes = await killedAt(losses, shops, machine, tenant, async at => {
        for (const [index, scene] of at.entries()) lose(scene, losses[index] as Loss)
        rmSync(join(machine.dataDir, '..', 'images'), { recursive: true })
      })
      await Promise.all(
        losses.map(({ name, moment, ends }, index) =>
          t.test(`${moment}, ${name.replaceAll('-', ' ')}`, async () => {
            const { moment: at, deploymentId } = scenes[index] as Scene
            if (at.asks === 'promote') await tenant.acting.promote(deploymentId)
            ends(await tenant.end({ id: deploymentId }))
          }),
        ),
      )
      // What could not be brought back stays wanted, and missing, until it is not wanted any more.
      const lost = shops.find(({ name }) => name === 'lost') ?? assert.fail('no shop is lost')
      await tenant.done(await tenant.acting.instances.delete(lost.id))
      await assertAgreed(machine, tenant, shops)
    })

    function lose({ shop }: Scene, { of, how, dies }: Loss): void {
      const chosen = byAge(machine, shop)[of]
      how(chosen[0]?.cwd ?? assert.fail('nothing runs from it'))
      if (dies) for (const record of chosen) killReplica(record)
    }
  })
}
