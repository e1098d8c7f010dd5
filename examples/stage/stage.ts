import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Created, type CreateInstanceRequest, createSlipway, proxyRouter, type Slipway } from '../../src/index.ts'
import { type Calls, callsOf, eventsOf } from './calls.ts'
import { aborted } from './interruption.ts'
import { type RemoteControlPlane, startControlPlane } from './remote.ts'

/** A Slipway of its own in a temporary folder, for one tenant. */
export interface Stage extends Backdrop {
  readonly folder: string
}

interface Backdrop extends Calls {
  readonly front: Slipway['front']
  /** The same as `finished`, for no longer than the signal. */
  finishedWithin(id: string, signal: AbortSignal): ReturnType<Calls['finished']>
  /** Events of one deployment until its end, or of all. */
  listen(deploymentId: string | undefined, signal: AbortSignal): ReturnType<typeof eventsOf>
  /** The process of the control plane, where it is not this one. */
  readonly controlPlane?: Pick<RemoteControlPlane, 'kill' | 'start'>
}

const deleteMs = 30_000

/**
 * Opens a stage; `cleanup` takes it down again, proxy and folder included. With `mortal`, the control plane is a process of its own, which
 * can be killed.
 */
export async function openStage(cleanup: AsyncDisposableStack, signal: AbortSignal, mortal: boolean): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-demo-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const backdrop = mortal ? await elsewhere(folder, cleanup) : await inside(folder, cleanup, signal)
  signal.throwIfAborted()
  return { folder, ...backdrop }
}

async function inside(folder: string, cleanup: AsyncDisposableStack, signal: AbortSignal): Promise<Backdrop> {
  const dataDir = join(folder, 'data')
  const router = await proxyRouter({ dataDir })
  cleanup.defer(() => router.shutdown())
  signal.throwIfAborted()
  const slipway = await createSlipway({ dataDir, router, log: { info: () => undefined, warn: () => undefined } })
  cleanup.defer(() => slipway.close())
  const acme = slipway.as({ tenantId: 'acme', subject: 'ana' })
  return {
    ...callsOf(slipway, acme),
    front: slipway.front,
    finishedWithin: (id, within) => acme.finished(id, within),
    listen: (deploymentId, until) => eventsOf(slipway, acme, deploymentId, until),
  }
}

async function elsewhere(folder: string, cleanup: AsyncDisposableStack): Promise<Backdrop> {
  const remote = await startControlPlane(folder)
  cleanup.defer(() => remote.close())
  const ask =
    <Name extends keyof Calls>(name: Name) =>
    (...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]> =>
      remote.call(name, ...args)
  return {
    create: ask('create'),
    delete: ask('delete'),
    deploy: ask('deploy'),
    rollback: ask('rollback'),
    cancel: ask('cancel'),
    finished: ask('finished'),
    getDeployment: ask('getDeployment'),
    getRelease: ask('getRelease'),
    listDeployments: ask('listDeployments'),
    status: ask('status'),
    traffic: ask('traffic'),
    events: ask('events'),
    front: remote.front,
    finishedWithin: (id, signal) => Promise.race([remote.call('finished', id), aborted(signal)]),
    listen: (deploymentId, signal) => remote.events(deploymentId, signal),
    controlPlane: remote,
  }
}

/** Creates an instance; `cleanup` deletes it, with all its replicas. */
export async function createInstance(
  stage: Stage,
  request: CreateInstanceRequest,
  cleanup: AsyncDisposableStack,
): Promise<Created> {
  const created = await stage.create(request)
  cleanup.defer(async () => {
    const { id } = await stage.delete(created.instance.id)
    const { state, error } = await stage.finishedWithin(id, AbortSignal.timeout(deleteMs))
    if (state === 'succeeded') return
    throw new Error(`Instance ${request.name} could not be removed: the deletion is ${state}. ${error ?? ''}`)
  })
  return created
}
