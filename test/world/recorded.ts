import type { Store } from '../../src/deploy/work.ts'
import { portQueue } from '../../src/provider/process/ports.ts'
import { processProvider } from '../../src/provider/process/provider.ts'
import type { Fence, Provider } from '../../src/provider/provider.ts'
import { proxyRouter } from '../../src/router/proxy/router.ts'
import type { Router } from '../../src/router/router.ts'
import { storedPorts } from '../../src/store/ports.ts'
import type { Equip } from '../support/control-plane.ts'
import { lanePorts } from '../support/ports.ts'
import { patientStore } from '../support/store.ts'

/** What a control plane with these parts tells: a claim, or one request that changes something and that its fence let begin. */
export interface Told {
  readonly kind: 'claim' | 'act'
  readonly what: string
  readonly instanceId: string
  readonly epoch: number
  /** Wall time, milliseconds. */
  readonly at: number
}

/** The parts of a control plane on one machine, each telling of what it is about to change, and under which epoch. */
export const equip: Equip = async (dataDir, tell) => {
  const note = (told: Omit<Told, 'at'>): void => tell({ ...told, at: Date.now() } satisfies Told)
  const store = await patientStore(dataDir)
  const { routes, replicas } = lanePorts()
  const ports = storedPorts(store, portQueue(replicas))
  const watched = (fence: Fence, what: string): Fence => ({
    ...fence,
    check() {
      fence.check()
      note({ kind: 'act', what, instanceId: fence.instanceId, epoch: fence.epoch })
    },
  })
  return {
    store: claiming(store, note),
    providers: [acting(await processProvider({ dataDir, ports }), watched)],
    router: routing(await proxyRouter({ dataDir, portRange: routes }), watched),
  }
}

type Watch = (fence: Fence, what: string) => Fence

function acting(provider: Provider, watched: Watch): Provider {
  return {
    ...provider,
    start: (revision, ordinals, fence) => provider.start(revision, ordinals, watched(fence, 'start')),
    stop: (id, ids, graceMs, fence) => provider.stop(id, ids, graceMs, watched(fence, 'stop')),
    runTask: (revision, command, name, fence) => provider.runTask(revision, command, name, watched(fence, 'task')),
    forget: (id, fence) => provider.forget(id, watched(fence, 'forget')),
  }
}

function routing(router: Router, watched: Watch): Router {
  return {
    ...router,
    apply: (table, fence) => router.apply(table, watched(fence, 'apply')),
    forget: (id, fence) => router.forget(id, watched(fence, 'unroute')),
  }
}

function claiming(store: Store, note: (told: Omit<Told, 'at'>) => void): Store {
  const noted = <C extends { instanceId: string; epoch: number }>(claim: C): C => {
    note({ kind: 'claim', what: 'claim', instanceId: claim.instanceId, epoch: claim.epoch })
    return claim
  }
  return {
    ...store,
    work: {
      ...store.work,
      claimDue: async (worker, limit) => (await store.work.claimDue(worker, limit)).map(noted),
      claim: async (worker, id) => {
        const claim = await store.work.claim(worker, id)
        return claim && noted(claim)
      },
    },
  }
}
