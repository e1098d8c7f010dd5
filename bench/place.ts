import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildShop } from '../src/demo/shop/build.ts'
import {
  type Acting,
  type CreateInstanceRequest,
  createSlipway,
  type Deployment,
  proxyRouter,
  type Slipway,
} from '../src/index.ts'

/** Where figures are measured: a Slipway of its own in a temporary folder, and the shop's releases. */
export interface Place {
  readonly slipway: Slipway
  readonly acme: Acting
  /** Release of the shop → its folder. */
  readonly shop: Readonly<Record<'api-1' | 'api-2', string>>
  /** Creates an instance and waits until it runs; it is removed with the place, if not before. */
  readonly open: (request: CreateInstanceRequest) => Promise<OpenInstance>
}

export interface OpenInstance {
  readonly id: string
  readonly remove: () => Promise<void>
}

/** The one service that is deployed: one replica of the shop's api that counts as soon as it answers. */
export function apiOf(folder: string, env: Record<string, string> = {}) {
  return {
    name: 'api',
    image: `file:${folder}`,
    env,
    ports: [{ name: 'http' }],
    healthCheck: { type: 'http' as const, path: '/healthz', minHealthyMs: 0 },
  }
}

/** Opens a place; `cleanup` takes it down again, with everything that runs in it. */
export async function openPlace(cleanup: AsyncDisposableStack): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const shop = await buildShop(join(folder, 'images'))
  const dataDir = join(folder, 'data')
  const router = await proxyRouter({ dataDir })
  cleanup.defer(() => router.shutdown())
  const slipway = await createSlipway({ dataDir, router })
  cleanup.defer(() => slipway.close())
  const acme = slipway.as({ tenantId: 'acme', subject: 'bench' })
  return {
    slipway,
    acme,
    shop,
    async open(request) {
      const { instance, deployment } = await acme.instances.create(request)
      let here = true
      const remove = async (): Promise<void> => {
        if (!here) return
        here = false
        await succeeded(acme, await acme.instances.delete(instance.id))
      }
      cleanup.defer(remove)
      await succeeded(acme, deployment)
      return { id: instance.id, remove }
    },
  }
}

/** Waits for a deployment that has to succeed, and returns its end. */
export async function succeeded(acme: Acting, { id }: Pick<Deployment, 'id'>): Promise<Deployment> {
  const ended = await acme.finished(id)
  if (ended.state === 'succeeded') return ended
  throw new Error(`The ${ended.kind} ${id} is ${ended.state}: ${ended.error ?? 'no error was told'}`)
}
