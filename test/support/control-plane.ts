import { flushCompileCache } from 'node:module'
import type { Event } from '../../src/event/event.ts'
import type { FaultPoint } from '../../src/fault/point.ts'
import {
  type CreateInstanceRequest,
  type DeployRequest,
  isSlipwayError,
  type RollbackRequest,
} from '../../src/index.ts'
import type { Address } from '../../src/provider/provider.ts'
import { createSlipway, type SlipwayOptions } from '../../src/slipway.ts'
import { lanePorts } from './ports.ts'
import { patientStore } from './store.ts'

// A control plane in a process of its own, to be killed. Takes up what is under way, tells of every event, and does as it is told.

/** What it is told to do, for one tenant. */
export type Order =
  | { readonly kind: 'create'; readonly request: CreateInstanceRequest }
  | { readonly kind: 'deploy'; readonly request: DeployRequest }
  | { readonly kind: 'rollback'; readonly request: RollbackRequest }
  | { readonly kind: 'cancel' | 'promote' | 'pause' | 'resume' | 'retry'; readonly deploymentId: string }
  | { readonly kind: 'scale'; readonly instanceId: string; readonly replicas: Readonly<Record<string, number>> }
  | { readonly kind: 'restart' | 'stop' | 'start' | 'delete'; readonly instanceId: string }
  /** Its event loop does nothing for so long. */
  | { readonly kind: 'stall'; readonly stallMs: number }

/** A fault point by its name, and the how manieth time it comes. */
export interface Moment {
  readonly name: string
  readonly occurrence: number
}

/** What it is told about its own death: to die at a moment, counted from now on, or to say what it passed since it was told last. */
export type Fate = { readonly kind: 'die'; readonly at: Moment } | { readonly kind: 'passed' }

/** What it tells: that it is up, the id of a deployment it was asked for, why it refused, an event, or the fault points it passed. */
export type Word =
  | { readonly kind: 'up'; readonly front: Address }
  | { readonly kind: 'accepted'; readonly deploymentId: string }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'passed'; readonly names: readonly string[] }
  | { readonly kind: 'told'; readonly what: unknown }

/** What a module exports that a control plane is to be equipped with: parts of its own, which may tell something. */
export type Equip = (dataDir: string, tell: (what: unknown) => void) => Promise<SlipwayOptions>

/** How it differs from one that is started by hand: when it dies, and the URL of a module with its {@link Equip}. */
export interface Make {
  readonly moment?: Moment
  readonly equipment?: string
}

const [dataDir = '', tenantId = '', role = 'worker', made = '{}'] = process.argv.slice(2)
const make = JSON.parse(made) as Make

const passed: string[] = []
const counts = new Map<string, number>()
let end = make.moment

/** Nothing after the kill runs: the signal is there before the call returns. */
function pass({ name }: FaultPoint): void {
  passed.push(name)
  const count = (counts.get(name) ?? 0) + 1
  counts.set(name, count)
  if (end && name === end.name && count === end.occurrence) process.kill(process.pid, 'SIGKILL')
}

function tell(word: Word): void {
  // What does not get through met tests that are gone; their going ends us.
  if (process.connected) process.send?.(word, undefined, undefined, error => void error)
}

const { equip } = (make.equipment === undefined ? {} : await import(make.equipment)) as { readonly equip?: Equip }
const equipment = await equip?.(dataDir, what => tell({ kind: 'told', what }))
const slipway = await createSlipway({
  dataDir,
  worker: role === 'worker',
  log: { info: () => {}, warn: () => {} },
  faults: pass,
  ports: lanePorts(),
  ...equipment,
  ...(equipment?.store || equipment?.database ? {} : { store: await patientStore(dataDir) }),
})
const acting = slipway.as({ tenantId, subject: 'ana' })
slipway.bus.subscribe('*', event => tell({ kind: 'event', event }))

async function obey(order: Order): Promise<string> {
  switch (order.kind) {
    case 'create':
      return (await acting.instances.create(order.request)).deployment.id
    case 'deploy':
      return (await acting.deploy(order.request)).id
    case 'rollback':
      return (await acting.rollback(order.request)).id
    case 'cancel':
      return (await acting.cancel(order.deploymentId)).id
    case 'promote':
      return (await acting.promote(order.deploymentId)).id
    case 'pause':
      return (await acting.pause(order.deploymentId)).id
    case 'resume':
      return (await acting.resume(order.deploymentId)).id
    case 'retry':
      return (await acting.retry(order.deploymentId)).id
    case 'scale':
      return (await acting.instances.scale(order.instanceId, order.replicas)).id
    case 'restart':
      return (await acting.instances.restart(order.instanceId)).id
    case 'stop':
      return (await acting.instances.stop(order.instanceId)).id
    case 'start':
      return (await acting.instances.start(order.instanceId)).id
    case 'delete':
      return (await acting.instances.delete(order.instanceId)).id
    case 'stall':
      stall(order.stallMs)
      return ''
  }
}

/** Waits without a turn of the event loop, and leaves the processor to the others. */
function stall(stallMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs)
}

function heed(fate: Fate): void {
  switch (fate.kind) {
    case 'die':
      counts.clear()
      end = fate.at
      return
    case 'passed':
      return tell({ kind: 'passed', names: passed.splice(0) })
  }
}

process.on('message', (said: Order | Fate) => {
  if (said.kind === 'die' || said.kind === 'passed') return heed(said)
  obey(said).then(
    deploymentId => tell({ kind: 'accepted', deploymentId }),
    (error: unknown) => {
      if (!isSlipwayError(error)) throw error
      tell({ kind: 'refused', code: error.code, message: error.message })
    },
  )
})
process.on('disconnect', () => process.exit())
tell({ kind: 'up', front: slipway.front })
// One that is killed would never write down what it compiled.
flushCompileCache()
