import { unlessAborted } from '../../abort.ts'
import { after, type Clock } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { Capability, Fence, ProbeAnswer, Provider, Replica, RevisionSpec, TaskResult } from '../provider.ts'
import type { FakeMethod } from './record.ts'
import { refuseStrangers, stopReplica } from './stop.ts'
import { type FakeWorld, fakeWorld } from './world.ts'

/** A provider of replicas that exist in memory only, and the world they live in. */
export interface FakeProvider extends Provider {
  readonly world: FakeWorld
  /** While true, calls of this provider fail and those of others don't: one control plane cut off from the platform. */
  cut: boolean
}

/** What a fake provider is made with. */
export interface FakeProviderOptions {
  /** Default `fake`. */
  readonly name?: string
  /** The world to talk to; give two providers the same one to play two control planes. Default: a new one of `seed` and `clock`. */
  readonly world?: FakeWorld
  /** Everything random follows from it. Default 1. */
  readonly seed?: number
  /** Default: the machine's clock. See `fakeClock`. */
  readonly clock?: Clock
  /** Default: all of them. */
  readonly capabilities?: readonly Capability[]
}

/**
 * A provider for tests: quick, deterministic by seed, and as unreliable as its world is told to be. It refuses a call whose epoch is
 * below one it has seen for the instance (`lease_lost`) and counts those in `world.refused`.
 *
 * @example
 * const clock = fakeClock()
 * const provider = fakeProvider({ seed: 7, clock })
 * provider.world.script({ service: 'api' }, { readyMs: 2000, exit: { afterMs: 500, code: 1, times: 1 } })
 */
export function fakeProvider(options: FakeProviderOptions = {}): FakeProvider {
  const { name = 'fake', seed = 1 } = options
  const world = options.world ?? fakeWorld({ seed, ...(options.clock ? { clock: options.clock } : {}) })
  const { inside, clock } = world
  const capabilities = new Set(options.capabilities ?? (['volumes', 'resources', 'user', 'command-probe'] as const))
  const watching = new Set<() => void>()
  let closed = false

  const reach = (method: FakeMethod) => {
    if (closed) throw new SlipwayError('closed', `The provider "${name}" was closed.`)
    if (world.unreachable || provider.cut) {
      throw new SlipwayError('unavailable', `The fake platform did not answer "${method}".`, {
        next: 'It was scripted to be unreachable.',
      })
    }
  }
  const call = async <T>(
    method: FakeMethod,
    instanceId: string | undefined,
    signal: AbortSignal | undefined,
    effect: () => T | Promise<T>,
  ): Promise<T> => {
    reach(method)
    return await inside.faults.through(method, instanceId, effect, signal)
  }
  /** A call that changes something. It is checked when it is sent; the world compares epochs when it lands, which may be later. */
  const mutation = async <T>(
    method: 'start' | 'stop' | 'runTask' | 'stopTask' | 'forget',
    fence: Fence,
    args: readonly unknown[],
    effect: () => T | Promise<T>,
  ): Promise<T> => {
    fence.check()
    return await call(method, fence.instanceId, fence.signal, () => {
      inside.admit(method, fence, args)
      return effect()
    })
  }

  const provider: FakeProvider = {
    name,
    world,
    cut: false,
    capabilities,
    resolve: (image, signal) => call('resolve', undefined, signal, () => inside.images.resolve(image)),
    prepare: (spec, onProgress, signal) =>
      call('prepare', spec.instanceId, signal, async () => {
        onProgress(0, `fetching ${spec.image}`)
        await rest(inside.images.prepare(spec.image, spec.digest), signal)
        inside.images.prepare(spec.image, spec.digest)
        onProgress(100, `${spec.image} is here`)
      }),
    has: (digest, signal) => call('has', undefined, signal, () => inside.images.has(digest)),
    prune: (keep, idleMs, signal) =>
      call('prune', undefined, signal, () => {
        const running = [...keep, ...inside.running()]
        return inside.images.prune(new Set(running), idleMs)
      }),
    start: (spec, ordinals, fence) =>
      mutation('start', fence, [spec, ordinals], () => {
        for (const ordinal of ordinals) inside.start(spec, ordinal, fence.storeId, fence.epoch)
      }),
    stop: (instanceId, ids, graceMs, fence) =>
      mutation('stop', fence, [instanceId, ids, graceMs], async () => {
        refuseStrangers(world, ids, fence)
        const send = (request: 'kill' | 'remove', id: string) => {
          fence.check()
          reach('stop')
          inside.admit(request, fence, [id])
        }
        await Promise.all(ids.map(id => stopReplica(world, id, graceMs, fence.signal, send)))
      }),
    runTask: (spec, command, taskName, fence) =>
      mutation('runTask', fence, [spec, command, taskName], () => unlessAborted(task(spec, taskName), fence.signal)),
    stopTask: (instanceId, service, taskName, graceMs, fence) =>
      mutation('stopTask', fence, [instanceId, service, taskName, graceMs], () => {
        inside.tasks.get(`${instanceId}/${taskName}`)?.stop.abort()
      }),
    observe: (instanceId, signal) => call('observe', instanceId, signal, () => world.replicas(instanceId)),
    exec: (replica, _command, timeoutMs, signal) =>
      call('exec', undefined, signal, async () => {
        const there = inside.get(replica.id)
        const scripted = there && inside.scripts.exec(there.spec, replica.ordinal)
        if (scripted) return { exitCode: scripted.exitCode, output: scripted.output ?? [] }
        const timeout = new AbortController()
        const cancel = after(clock, timeoutMs, () => timeout.abort())
        const answer = await health(replica, AbortSignal.any([signal, timeout.signal]))
        cancel()
        return { exitCode: answer.ok ? 0 : 1, output: [answer.text] }
      }),
    probe: (replica, _check, signal) => call('probe', undefined, signal, () => health(replica, signal)),
    watch(onChange) {
      inside.listeners.add(onChange)
      const end = () => void inside.listeners.delete(onChange)
      watching.add(end)
      return end
    },
    async *logs(query, signal) {
      await call('logs', query.instanceId, signal, () => {})
      yield* inside.log.read(query, signal)
    },
    forget: (instanceId, fence) =>
      mutation('forget', fence, [instanceId], () => {
        const [present] = world
          .replicas(instanceId)
          .filter(one => one.state !== 'exited' || one.storeId !== fence.storeId)
        if (present) {
          throw new SlipwayError(
            'instance_state',
            `${instanceId} cannot be forgotten: replica ${present.name} is there.`,
            {
              next: 'Stop its replicas first.',
            },
          )
        }
        inside.forget(instanceId)
      }),
    async check(signal) {
      try {
        return await call('check', undefined, signal, () => ({ ok: true, message: 'The fake platform answers.' }))
      } catch (error) {
        signal?.throwIfAborted()
        return { ok: false, message: error instanceof Error ? error.message : String(error) }
      }
    },
    async close() {
      closed = true
      for (const end of watching) end()
    },
  }
  return provider

  async function rest(ms: number, signal: AbortSignal): Promise<void> {
    if (ms > 0) await clock.sleep(ms, signal)
  }

  function task(spec: RevisionSpec, taskName: string): Promise<TaskResult> {
    const key = `${spec.instanceId}/${taskName}`
    const known = inside.tasks.get(key)
    if (known) return known.result
    const { ms, result } = inside.scripts.task(spec)
    const stop = new AbortController()
    // The world's own: it goes on when the caller does not.
    const through = ms > 0 ? clock.sleep(ms, stop.signal) : Promise.resolve()
    const ended = through.then(
      () => {
        const { instanceId, service } = spec
        for (const text of result.output) inside.print(instanceId, service, `${service}.task.${taskName}`, text)
        return result
      },
      () => ({ exitCode: 143, output: [] }), // it was stopped
    )
    inside.tasks.set(key, { result: ended, stop })
    inside.ran.push({ instanceId: spec.instanceId, service: spec.service, name: taskName })
    return ended
  }

  async function health(replica: Replica, signal: AbortSignal): Promise<ProbeAnswer> {
    const found = inside.get(replica.id)
    if (!found || found.view().state === 'exited') return { ok: false, text: 'connection refused' }
    if (found.condition === 'hanging') {
      await new Promise<void>(resolve => {
        if (signal.aborted) return resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      return { ok: false, text: 'no answer in time' }
    }
    return found.ready() ? { ok: true, text: '200 OK' } : { ok: false, text: '503 Service Unavailable' }
  }
}
