import type { Provider } from '../provider/provider.ts'
import type { Router } from '../router/router.ts'
import { between, type FaultHook } from './point.ts'

/** What only asks. Everything else is a fault point, a method that is added tomorrow too. */
export const providerReads: readonly (keyof Provider)[] = [
  'has',
  'observe',
  'exec',
  'probe',
  'owns',
  'watch',
  'logs',
  'check',
  'close',
]
/** What only asks of a router, likewise. */
export const routerReads: readonly (keyof Router)[] = [
  'allocatePort',
  'observe',
  'tables',
  'traffic',
  'watch',
  'check',
  'close',
]

/**
 * A provider whose calls are fault points: `before provider.start`, `after provider.start`. Hand `createSlipway({ faults })` a hook
 * instead where the whole control plane is meant.
 *
 * @example
 * const fragile = faultyProvider(mine, ({ name }) => {
 *   if (name === 'after provider.start') process.kill(process.pid, 'SIGKILL')
 * })
 */
export function faultyProvider(provider: Provider, hook: FaultHook): Provider {
  return faulty(provider, 'provider', providerReads, (call, args, make) => between(call, args, hook, make))
}

/** A router whose calls are fault points: `before router.apply`, `after router.apply`. */
export function faultyRouter(router: Router, hook: FaultHook): Router {
  return faulty(router, 'router', routerReads, (call, args, make) => between(call, args, hook, make))
}

/** What is done about a call that changes something. */
export type Around = (call: string, args: readonly unknown[], make: () => unknown) => unknown

/** An object whose methods go through `around`, named `<port>.<method>`, those that only read excepted. */
export function faulty<T extends object>(target: T, port: string, reads: readonly (keyof T)[], around: Around): T {
  const methods = new Map<PropertyKey, unknown>()
  return new Proxy(target, {
    get(of, key) {
      const value: unknown = Reflect.get(of, key)
      if (typeof value !== 'function') return value
      if (!methods.has(key)) {
        const make = (args: unknown[]): unknown => Reflect.apply(value, of, args)
        const isRead = reads.includes(key as keyof T)
        methods.set(key, (...args: unknown[]) =>
          isRead ? make(args) : around(`${port}.${String(key)}`, args, () => make(args)),
        )
      }
      return methods.get(key)
    },
  })
}
