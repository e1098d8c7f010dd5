import { unlessAborted } from '../../abort.ts'
import type { Clock } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import { type Ms, pickMs, type Random } from './random.ts'

/** Something that goes wrong with calls to a fake. */
export interface Fault<Method extends string> {
  readonly method: Method
  /** Only calls for this instance. */
  readonly instanceId?: string
  /** The next so many calls. Default 1, or all of them when `probability` is given. */
  readonly times?: number
  /** Each call with this chance, from 0 to 1. */
  readonly probability?: number
  /** What the caller is told; `true` is an error of code `unavailable`. Absent: the call works, only late. */
  readonly error?: Error | true
  /** When the caller hears, counted from the call. Default 0. */
  readonly answerMs?: Ms
  /**
   * When the call takes effect, counted from the call and whatever the caller was told: `0` beside an `error` is a call that worked
   * though it threw; more than `answerMs` is one that lands late. Default 0, and `never` beside an `error`.
   */
  readonly effectMs?: Ms | 'never'
}

/** The faults that were scripted, and the calls that go through them. */
export interface Faults<Method extends string> {
  add(fault: Fault<Method>): void
  clear(): void
  /** Performs `effect` as the next fault for this method says, or at once when there is none. */
  through<T>(
    method: Method,
    instanceId: string | undefined,
    effect: () => T | Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>
}

/** No faults yet; chances and ranges are chosen by `random`. */
export function scriptedFaults<Method extends string>(platform: string, clock: Clock, random: Random): Faults<Method> {
  const faults: { readonly fault: Fault<Method>; left: number }[] = []

  const next = (method: Method, instanceId: string | undefined): Fault<Method> | undefined => {
    const found = faults.find(
      ({ fault, left }) =>
        left > 0 &&
        fault.method === method &&
        (fault.instanceId === undefined || fault.instanceId === instanceId) &&
        (fault.probability === undefined || random() < fault.probability),
    )
    if (found) found.left--
    return found?.fault
  }

  return {
    add(fault) {
      faults.push({ fault, left: fault.times ?? (fault.probability === undefined ? 1 : Number.POSITIVE_INFINITY) })
    },
    clear: () => void faults.splice(0),
    async through(method, instanceId, effect, signal) {
      signal?.throwIfAborted()
      const fault = next(method, instanceId)
      if (!fault) return await effect()
      const answerMs = pickMs(fault.answerMs ?? 0, random)
      const effectMs = fault.effectMs ?? (fault.error ? 'never' : 0)
      // No signal here: what was sent can't be called back.
      const landing = effectMs === 'never' ? undefined : landed(pickMs(effectMs, random), effect)
      landing?.catch((error: unknown) => void error) // because the caller may have been told something else by then
      await rest(answerMs, signal)
      if (!fault.error) {
        const answer = landing ?? new Promise<never>(() => {})
        return await (signal ? unlessAborted(answer, signal) : answer)
      }
      if (fault.error !== true) throw fault.error
      throw new SlipwayError('unavailable', `The ${platform} answered "${method}" with an error.`, {
        next: 'It was scripted to: see `fault`.',
      })
    },
  }

  async function landed<T>(ms: number, effect: () => T | Promise<T>): Promise<T> {
    await rest(ms)
    return await effect()
  }

  async function rest(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > 0) await clock.sleep(ms, signal)
  }
}
