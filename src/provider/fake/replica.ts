import { after, type Clock, timestamp } from '../../clock.ts'
import type { Replica, RevisionSpec } from '../provider.ts'
import type { Life } from './script.ts'

/** What a replica answers when it is asked how it is: as its script says, or what a test made it. */
export type Condition = 'scripted' | 'sick' | 'hanging'

/** What became of a replica, in the order in which it happened. */
export type Happening = 'asked' | 'running' | 'stopping' | 'exited' | 'removed'

/** One replica of the fake platform, alive until it exits and there until it is removed. */
export interface FakeReplica {
  readonly instanceId: string
  readonly spec: RevisionSpec
  /** As `observe` tells it. */
  view(): Replica
  condition: Condition
  /** Whether it would meet its health check now. */
  ready(): boolean
  /** SIGTERM: it ends as its script says. */
  terminate(): void
  /** Ends at once. */
  end(exitCode: number): void
  /** Resolves once it has exited. */
  readonly exited: Promise<void>
}

/** What a replica is born with. */
export interface Birth {
  readonly id: string
  readonly spec: RevisionSpec
  readonly ordinal: number
  readonly addresses: Replica['addresses']
  readonly storeId: string
  readonly epoch: number
  readonly life: Life
  readonly clock: Clock
  /** Told of everything that happens to it, after it happened. */
  readonly happened: (what: Happening, replica: Replica) => void
}

/** Starts a replica's life. */
export function bornReplica(birth: Birth): FakeReplica {
  const { spec, life, clock, happened } = birth
  const startedAt = timestamp(clock.now())
  const exit = Promise.withResolvers<void>()
  const timers = new Set<() => void>()
  let state: Replica['state'] = 'starting'
  let exitCode: number | undefined
  let runsSince: number | undefined

  const view = (): Replica => ({
    id: birth.id,
    name: replicaName(spec, birth.ordinal),
    service: spec.service,
    revision: spec.revision,
    ordinal: birth.ordinal,
    state,
    ...(exitCode === undefined ? {} : { exitCode }),
    addresses: birth.addresses,
    startedAt,
    storeId: birth.storeId,
    epoch: birth.epoch,
  })
  const later = (ms: number, run: () => void) => {
    if (ms === 0) run()
    else timers.add(after(clock, ms, run))
  }
  const end = (code: number) => {
    if (state === 'exited') return
    for (const cancel of timers) cancel()
    state = 'exited'
    exitCode = code
    happened('exited', view())
    exit.resolve()
  }
  const run = () => {
    state = 'running'
    runsSince = clock.monotonic()
    happened('running', view())
    if (life.exit) later(life.exit.afterMs, () => end(life.exit?.code ?? 1))
  }

  const replica: FakeReplica = {
    instanceId: spec.instanceId,
    spec,
    view,
    condition: 'scripted',
    ready() {
      if (state === 'exited' || runsSince === undefined || replica.condition !== 'scripted') return false
      return life.readyMs !== 'never' && clock.monotonic() - runsSince >= life.readyMs
    },
    terminate() {
      if (state === 'exited' || state === 'stopping') return
      for (const cancel of timers) cancel()
      state = 'stopping'
      happened('stopping', view())
      if (life.stopMs !== 'never') later(life.stopMs, () => end(0))
    },
    end,
    exited: exit.promise,
  }
  happened('asked', view())
  later(life.startMs, run)
  return replica
}

/** `<service>.<digest>.<generation>.<ordinal>` */
export function replicaName(spec: Pick<RevisionSpec, 'service' | 'revision'>, ordinal: number): string {
  return `${spec.service}.${spec.revision}.${ordinal}`
}
