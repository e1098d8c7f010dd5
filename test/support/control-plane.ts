import type { Event } from '../../src/event/event.ts'
import type { DeployRequest, RollbackRequest } from '../../src/index.ts'
import { createSlipway, type SlipwayOptions } from '../../src/slipway.ts'

// A control plane in a process of its own, to be killed. Takes up what is under way, tells of every event, and does as it is told.

/** What it is told to do, for one tenant. */
export type Order =
  | { readonly kind: 'deploy'; readonly request: DeployRequest }
  | { readonly kind: 'rollback'; readonly request: RollbackRequest }
  | { readonly kind: 'cancel'; readonly deploymentId: string }
  | { readonly kind: 'promote'; readonly deploymentId: string }
  /** Its event loop does nothing for so long. */
  | { readonly kind: 'stall'; readonly stallMs: number }

/** What it tells: that it is up, the id of a deployment it was asked for, or an event. */
export type Word =
  | { readonly kind: 'up' }
  | { readonly kind: 'accepted'; readonly deploymentId: string }
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'told'; readonly what: unknown }

/** What a module exports that a control plane is to be equipped with: parts of its own, which may tell something. */
export type Equip = (dataDir: string, tell: (what: unknown) => void) => Promise<SlipwayOptions>

const [dataDir = '', tenantId = '', role = 'worker', equipment = ''] = process.argv.slice(2)

function tell(word: Word): void {
  process.send?.(word)
}

const { equip } = (equipment === '' ? {} : await import(equipment)) as { readonly equip?: Equip }
const slipway = await createSlipway({
  dataDir,
  worker: role === 'worker',
  log: { info: () => {}, warn: () => {} },
  ...(await equip?.(dataDir, what => tell({ kind: 'told', what }))),
})
const acting = slipway.as({ tenantId, subject: 'ana' })
slipway.bus.subscribe('*', event => tell({ kind: 'event', event }))

async function obey(order: Order): Promise<string> {
  switch (order.kind) {
    case 'deploy':
      return (await acting.deploy(order.request)).id
    case 'rollback':
      return (await acting.rollback(order.request)).id
    case 'cancel':
      return (await acting.cancel(order.deploymentId)).id
    case 'promote':
      return (await acting.promote(order.deploymentId)).id
    case 'stall':
      stall(order.stallMs)
      return ''
  }
}

function stall(stallMs: number): void {
  for (const until = performance.now() + stallMs; performance.now() < until; );
}

process.on('message', (order: Order) => {
  void obey(order).then(deploymentId => tell({ kind: 'accepted', deploymentId }))
})
process.on('disconnect', () => process.exit())
tell({ kind: 'up' })
