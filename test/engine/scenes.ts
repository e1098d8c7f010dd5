import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Phase } from '../../src/deploy/states.ts'
import type { Instance } from '../../src/instance/instance.ts'
import type { House } from './harness.ts'

/** A canary that waits at the gate `25%` of its plan, with a quarter of web's traffic on `image`. */
export async function atGate(h: House, shop: Instance, image = 'fake:web-2'): Promise<Deployment> {
  const asked = await h.acme.deploy({
    instanceId: shop.id,
    services: [{ name: 'web', image }],
    strategy: 'canary',
    options: { steps: [{ weight: 25, pause: true, holdSeconds: 0 }] },
  })
  return await h.reach(asked, now => now.reason?.code === 'awaiting_promote')
}

/** A rollout whose new replicas never get ready: it runs until somebody cancels it, or until its deadline. */
export async function stuck(h: House, shop: Instance, image = 'fake:web-stuck'): Promise<Deployment> {
  h.world.script({ image }, { readyMs: 'never' })
  const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] })
  return await h.reach(asked, now => now.reason?.code === 'health')
}

/** A deployment that was cancelled and can't be undone yet, for the platform does not answer. Undone by `world.unreachable = false`. */
export async function undoing(h: House, shop: Instance): Promise<Deployment> {
  const paused = await atGate(h, shop)
  h.world.unreachable = true
  await h.acme.cancel(paused.id)
  return await h.reach(paused, now => now.reason?.code === 'undoing')
}

/** The same, on its way back because a step failed. */
export async function failing(h: House, shop: Instance): Promise<Deployment> {
  const image = 'fake:web-crash'
  h.world.script({ image }, { readyMs: 'never', stopMs: 5000, exit: { afterMs: 50, code: 3 } })
  h.world.script({ image, ordinal: 1 }, { exit: { afterMs: 0, code: 0, times: 0 } })
  const asked = await h.acme.deploy({
    instanceId: shop.id,
    services: [{ name: 'web', image }],
    strategy: 'blue-green',
  })
  return await h.reach(asked, now => now.reason?.code === 'undoing')
}

/** A deployment that has ended like this. */
export async function ended(
  h: House,
  shop: Instance,
  how: 'succeeded' | 'failed' | 'cancelled' | 'rolled_back',
): Promise<Deployment> {
  const deploy = (image: string) => h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] })
  switch (how) {
    case 'succeeded':
      return await h.end(await deploy('fake:web-2'))
    case 'failed':
      h.world.image('fake:web-gone', { unavailable: 'prepare' })
      return await h.end(await deploy('fake:web-gone'))
    case 'cancelled': {
      const paused = await atGate(h, shop)
      await h.acme.cancel(paused.id)
      return await h.end(paused)
    }
    case 'rolled_back': {
      const done = await h.end(await deploy('fake:web-2'))
      await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: done.fromReleaseId ?? '' }))
      return await h.acme.getDeployment(done.id)
    }
  }
}

/** A deployment in each phase in which something may be asked of it. */
export async function inPhase(h: House, shop: Instance, phase: Phase): Promise<Deployment> {
  switch (phase) {
    case 'pending':
      await atGate(h, shop)
      return await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'api', image: 'fake:api-2' }] })
    case 'running':
      return await stuck(h, shop)
    case 'undoing':
      return await undoing(h, shop)
    case 'ended':
      return await ended(h, shop, 'succeeded')
  }
}
