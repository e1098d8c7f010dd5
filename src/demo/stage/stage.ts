import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, type Created, createClient } from '../../client/index.ts'
import type { CreateInstanceRequest } from '../../index.ts'
import { wire } from '../../wire.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

/** A server of its own in a temporary folder, and a client of it. */
export interface Stage {
  readonly folder: string
  readonly client: Client
  /** The server's process. */
  readonly controlPlane: ControlPlane
}

/** The tenant whose shop it is. */
export const tenant = 'acme'

const deleteMs = 30_000

/** Opens a stage; `cleanup` takes it down again, proxy and folder included. */
export async function openStage(cleanup: AsyncDisposableStack, signal: AbortSignal): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-demo-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const controlPlane = await startControlPlane(folder)
  cleanup.defer(() => controlPlane.close())
  signal.throwIfAborted()
  const { url, token } = controlPlane
  // It may be killed in the middle of an act: what is asked meanwhile is asked again until it is back.
  const client = createClient({ url, token, tenant, retries: 100, backoffMs: 50 })
  return { folder, client, controlPlane }
}

/** Creates an instance; `cleanup` deletes it, with all its replicas. */
export async function createInstance(
  { client, controlPlane }: Stage,
  request: CreateInstanceRequest,
  cleanup: AsyncDisposableStack,
): Promise<Created> {
  const created = await client.instances.create(wire(request))
  cleanup.defer(async () => {
    const signal = AbortSignal.any([controlPlane.death, AbortSignal.timeout(deleteMs)])
    const { id, name } = created.instance
    const deleting = await client.instances.delete(id, name, { ifMatch: '*', signal })
    const { state, error } = await client.deployments.finished(deleting, { signal })
    if (state === 'succeeded') return
    throw new Error(`Instance ${name} could not be removed: the deletion is ${state}. ${error ?? ''}`)
  })
  return created
}
