import { type Clock, systemClock, timestamp } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { Address, Fence, Replica, RevisionSpec } from '../provider.ts'
import { type Fault, type Faults, scriptedFaults } from './fault.ts'
import { type FakeImages, fakeImages, type ImageScript } from './images.ts'
import { type FakeLog, fakeLog } from './log.ts'
import { seededRandom } from './random.ts'
import type { FakeCall, FakeHappening, FakeMethod, FakeTask, Plant, RunningTask } from './record.ts'
import { bornReplica, type Condition, type FakeReplica, type Happening, replicaName } from './replica.ts'
import { type Behaviour, behaviourScript, type ReplicaMatch, type Script } from './script.ts'

/** The fake platform: it outlives the providers that talk to it, as a real one does. Test code scripts it and looks at it. */
export interface FakeWorld {
  readonly clock: Clock
  readonly seed: number
  /** Says how the replicas that match will live, from the next start on. */
  script(match: ReplicaMatch, behaviour: Behaviour): void
  /** Makes calls fail, take long, or take effect though they failed. */
  fault(fault: Fault<FakeMethod>): void
  /** Ends all faults that `fault` scripted. */
  clearFaults(): void
  /** Says what an image's name means, or that it can't be had. */
  image(name: string, script: ImageScript): void
  /** Ends a replica at once. */
  crash(instanceId: string, name: string, exitCode?: number): void
  /** Makes a replica answer its checks with a failure, not at all, or as scripted again. */
  setCondition(instanceId: string, name: string, condition: Condition): void
  /** While true, every call of every provider fails. */
  unreachable: boolean
  /** Puts a replica there that nobody asked for. */
  plant(plant: Plant): Replica
  /** Writes a line as if the replica had. */
  write(instanceId: string, name: string, text: string, stream?: 'stdout' | 'stderr'): void
  /** Everything that is there for an instance, as a truthful `observe` would tell it. */
  replicas(instanceId: string): Replica[]
  /** What a replica was made of, secrets included. */
  specOf(instanceId: string, name: string): RevisionSpec
  /** Every mutating call that reached the world, in order. */
  readonly calls: readonly FakeCall[]
  /** Every task that was begun, in order. */
  readonly tasks: readonly FakeTask[]
  /** How many calls were refused for their epoch. */
  readonly refused: number
  /** Everything that happened to replicas, in order. */
  readonly history: readonly FakeHappening[]
  /** What providers use; tests don't need it. */
  readonly inside: WorldInside
}

/** The side of the world that providers talk to. */
export interface WorldInside {
  readonly faults: Faults<FakeMethod>
  readonly images: FakeImages
  readonly log: FakeLog
  readonly scripts: Script
  /** Records the call; throws `lease_lost` for an epoch below the highest seen. */
  admit(method: FakeCall['method'], fence: Fence, args: readonly unknown[]): void
  /** Starts a replica unless its name is taken. */
  start(spec: RevisionSpec, ordinal: number, storeId: string, epoch: number): void
  /** By its id, which is unique in the world. */
  get(id: string): FakeReplica | undefined
  /** Digests that replicas run from. */
  running(): string[]
  remove(id: string): void
  forget(instanceId: string): void
  readonly tasks: Map<string, RunningTask>
  /** A line of whatever has this name. */
  print(instanceId: string, service: string, name: string, text: string): void
  readonly ran: FakeTask[]
  readonly listeners: Set<(instanceId: string) => void>
}

/**
 * A platform in memory. Equal seeds and equal calls give equal lives. Several providers may share one, as two control planes share a
 * machine.
 */
export function fakeWorld({ seed = 1, clock = systemClock }: { seed?: number; clock?: Clock } = {}): FakeWorld {
  const random = seededRandom(seed)
  const scripts = behaviourScript(random)
  const faults = scriptedFaults<FakeMethod>('fake platform', clock, random)
  const images = fakeImages(clock)
  const log = fakeLog()
  const replicas = new Map<string, FakeReplica>()
  const byInstance = new Map<string, Set<FakeReplica>>()
  const epochs = new Map<string, number>()
  const calls: FakeCall[] = []
  const history: FakeHappening[] = []
  const listeners = new Set<(instanceId: string) => void>()
  const tasks = new Map<string, RunningTask>()
  const ran: FakeTask[] = []
  let births = 0

  const present = (instanceId: string) => [...(byInstance.get(instanceId) ?? [])]
  const vanish = (id: string, replica: FakeReplica) => {
    replicas.delete(id)
    const others = byInstance.get(replica.instanceId)
    others?.delete(replica)
    if (others?.size === 0) byInstance.delete(replica.instanceId)
  }
  const named = (instanceId: string, name: string): FakeReplica => {
    const found = present(instanceId).find(replica => replica.view().name === name)
    if (!found) throw new SlipwayError('not_found', `Instance ${instanceId} has no replica "${name}".`)
    return found
  }
  const happened = (instanceId: string) => (what: Happening, replica: Replica) => {
    history.push({ at: clock.monotonic(), what, instanceId, replica })
    // Not in the middle of the call that caused it: a real platform tells later too.
    queueMicrotask(() => {
      for (const tell of listeners) tell(instanceId)
    })
  }
  const bear = ({ spec, ordinal, storeId, epoch }: Plant): Replica => {
    const id = `fake-${++births}`
    const life = scripts.life(spec, ordinal)
    const addresses = addressesOf(spec, births)
    const { instanceId } = spec
    const replica = bornReplica({
      id,
      spec,
      ordinal,
      addresses,
      storeId,
      epoch,
      life,
      clock,
      happened: happened(instanceId),
    })
    replicas.set(id, replica)
    const others = byInstance.get(instanceId) ?? new Set()
    byInstance.set(instanceId, others.add(replica))
    for (const text of life.logs) world.write(instanceId, replica.view().name, text)
    return replica.view()
  }

  const world: FakeWorld = {
    clock,
    seed,
    script: (match, behaviour) => scripts.add(match, behaviour),
    fault: fault => faults.add(fault),
    clearFaults: () => faults.clear(),
    image: (name, script) => images.set(name, script),
    crash: (instanceId, name, exitCode = 1) => named(instanceId, name).end(exitCode),
    setCondition(instanceId, name, condition) {
      named(instanceId, name).condition = condition
    },
    unreachable: false,
    plant: bear,
    write(instanceId, name, text, stream = 'stdout') {
      const { service } = named(instanceId, name).spec
      log.write(instanceId, { at: timestamp(clock.now()), service, replica: name, stream, text })
    },
    replicas: instanceId => present(instanceId).map(replica => replica.view()),
    specOf: (instanceId, name) => named(instanceId, name).spec,
    calls,
    get refused() {
      return calls.filter(call => call.outcome === 'refused').length
    },
    history,
    tasks: ran,
    inside: {
      faults,
      images,
      log,
      scripts,
      admit(method, fence, args) {
        const { instanceId, storeId, epoch } = fence
        const key = `${storeId}/${instanceId}`
        const highest = epochs.get(key) ?? epoch
        const outcome = epoch < highest ? 'refused' : 'accepted'
        calls.push({ at: clock.monotonic(), method, instanceId, storeId, epoch, args, outcome })
        if (outcome === 'refused') {
          throw new SlipwayError('lease_lost', `Epoch ${epoch} of ${instanceId} is over: ${highest} has acted since.`, {
            details: { epoch, highest },
          })
        }
        epochs.set(key, epoch)
      },
      start(spec, ordinal, storeId, epoch) {
        const name = replicaName(spec, ordinal)
        if (present(spec.instanceId).some(replica => replica.view().name === name)) return
        bear({ spec, ordinal, storeId, epoch })
      },
      get: id => replicas.get(id),
      running: () => [...replicas.values()].map(replica => replica.spec.digest),
      remove(id) {
        const replica = replicas.get(id)
        if (!replica) return
        vanish(id, replica)
        happened(replica.instanceId)('removed', replica.view())
      },
      forget(instanceId) {
        log.forget(instanceId)
        for (const replica of present(instanceId)) vanish(replica.view().id, replica)
        for (const key of tasks.keys()) if (key.startsWith(`${instanceId}/`)) tasks.delete(key)
      },
      tasks,
      print(instanceId, service, replica, text) {
        log.write(instanceId, { at: timestamp(clock.now()), service, replica, stream: 'stdout', text })
      },
      ran,
      listeners,
    },
  }
  return world
}

/** Addresses that are unique in the world and where nothing listens: a name that resolves nowhere, a port counted up. */
function addressesOf(spec: RevisionSpec, birth: number): Record<string, Address> {
  return Object.fromEntries(
    spec.ports.map((port, index) => [port.name, { host: 'fake.invalid', port: ((birth * 20 + index) % 65_535) + 1 }]),
  )
}
