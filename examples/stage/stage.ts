import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Acting,
  type Created,
  type CreateInstanceRequest,
  createSlipway,
  proxyRouter,
  type Slipway,
} from '../../src/index.ts'

/** A Slipway of its own in a temporary folder. */
export interface Stage {
  readonly folder: string
  readonly slipway: Slipway
  readonly acme: Acting
  /** What Slipway logged, for when something goes wrong. */
  readonly warnings: readonly string[]
}

const deleteMs = 30_000

/** Opens a stage; `cleanup` takes it down again, proxy and folder included. */
export async function openStage(cleanup: AsyncDisposableStack, signal: AbortSignal): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-demo-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  const router = await proxyRouter({ dataDir })
  cleanup.defer(() => router.shutdown())
  signal.throwIfAborted()
  const warnings: string[] = []
  const slipway = await createSlipway({
    dataDir,
    router,
    log: {
      info: () => undefined,
      warn: (data, text) => warnings.push(`${text} ${JSON.stringify(data)}`),
    },
  })
  cleanup.defer(() => slipway.close())
  signal.throwIfAborted()
  return { folder, slipway, acme: slipway.as({ tenantId: 'acme', subject: 'ana' }), warnings }
}

/** Creates an instance; `cleanup` deletes it, with all its replicas. */
export async function createInstance(
  { acme }: Stage,
  request: CreateInstanceRequest,
  cleanup: AsyncDisposableStack,
): Promise<Created> {
  const created = await acme.instances.create(request)
  cleanup.defer(async () => {
    const { id } = await acme.instances.delete(created.instance.id)
    const { state, error } = await acme.finished(id, AbortSignal.timeout(deleteMs))
    if (state === 'succeeded') return
    throw new Error(`Instance ${request.name} could not be removed: the deletion is ${state}. ${error ?? ''}`)
  })
  return created
}
