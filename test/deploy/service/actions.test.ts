import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DeploymentAction } from '../../../src/deploy/actions.ts'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import { isSlipwayError } from '../../../src/errors.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import { type House, house } from '../../engine/harness.ts'
import { atGate, ended, inPhase } from '../../engine/scenes.ts'

interface Scene {
  readonly come: (h: House, shop: Instance) => Promise<Deployment>
  readonly allowed: readonly DeploymentAction[]
}

const scenes: Readonly<Record<string, Scene>> = {
  pending: { come: (h, shop) => inPhase(h, shop, 'pending'), allowed: ['pause', 'cancel'] },
  running: { come: (h, shop) => inPhase(h, shop, 'running'), allowed: ['pause', 'cancel'] },
  undoing: { come: (h, shop) => inPhase(h, shop, 'undoing'), allowed: ['cancel'] },
  'at a gate': { come: atGate, allowed: ['promote', 'pause', 'cancel'] },
  'asked to pause': {
    async come(h, shop) {
      const running = await inPhase(h, shop, 'running')
      return await h.acme.pause(running.id)
    },
    allowed: ['pause', 'resume', 'cancel'],
  },
  succeeded: { come: (h, shop) => ended(h, shop, 'succeeded'), allowed: ['rollback'] },
  failed: { come: (h, shop) => ended(h, shop, 'failed'), allowed: ['retry'] },
  cancelled: { come: (h, shop) => ended(h, shop, 'cancelled'), allowed: ['retry'] },
  'rolled back': { come: (h, shop) => ended(h, shop, 'rolled_back'), allowed: [] },
  'of a stopped instance': {
    async come(h, shop) {
      const failed = await ended(h, shop, 'failed')
      await h.end(await h.acme.instances.stop(shop.id))
      return failed
    },
    allowed: [],
  },
  'of an instance that needs attention, failed': { come: (h, shop) => heldAfter(h, shop, 'failed'), allowed: [] },
  'of an instance that needs attention, succeeded': { come: (h, shop) => heldAfter(h, shop, 'succeeded'), allowed: [] },
}

async function heldAfter(h: House, shop: Instance, end: 'failed' | 'succeeded'): Promise<Deployment> {
  const subject = await ended(h, shop, end)
  await h.store.instances.update(shop.id, { needsAttention: 'The database went back.' })
  return subject
}

describe('what a deployment says that may be asked of it is what is done when it is asked:', () => {
  for (const [name, { come, allowed }] of Object.entries(scenes)) {
    test(`one that is ${name}: ${allowed.join(', ') || 'nothing'}`, async t => {
      const h = await house(t)
      const subject = await come(h, await h.shop())
      const actions = await h.acme.actions(subject.id)
      assert.deepEqual(
        actions.filter(answer => answer.allowed).map(({ action }) => action),
        allowed,
      )
      for (const answer of actions) {
        if (answer.allowed) continue
        assert.match(answer.why, /^[A-Z].*\.$/)
        // A rollback is asked of an instance, and is only offered beside the deployment it would take back.
        if (answer.action === 'rollback') continue
        await assert.rejects(
          take(h, answer.action, subject),
          error => isSlipwayError(error) && error.code !== 'internal',
          answer.action,
        )
      }
      const last = allowed.at(-1)
      if (last) await take(h, last, subject)
      h.world.unreachable = false
    })
  }

  test('promote names the gate it releases', async t => {
    const h = await house(t)
    const paused = await atGate(h, await h.shop())
    const [promote] = await h.acme.actions(paused.id)
    assert.deepEqual(promote, { action: 'promote', allowed: true, gate: '25%' })
  })
})

async function take(h: House, action: DeploymentAction, of: Deployment): Promise<unknown> {
  if (action !== 'rollback') return await h.acme[action](of.id)
  const { id: releaseId } = await h.acme.previousRelease(of.instanceId)
  return await h.acme.rollback({ instanceId: of.instanceId, releaseId })
}
