import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type ErrorCode, SlipwayError } from '../../src/errors.ts'
import type { Event } from '../../src/event/event.ts'
import type { Address } from '../../src/provider/provider.ts'
import { compileCache } from './compile-cache.ts'
import type { Fate, Make, Moment, Order, Word } from './control-plane.ts'

/** A control plane in a process of its own. */
export interface Doomed {
  readonly pid: number
  /** Where the proxy's shared port is. */
  readonly front: Address
  /** Tells it what to do; resolves to the deployment's id. Throws what it refuses with. */
  order(order: Order): Promise<string>
  /** Resolves with the first event that is so, from its start on. */
  until(is: (event: Event) => boolean): Promise<Event>
  /** The fault points it passed since it was asked last, or since its start. */
  passed(): Promise<readonly string[]>
  /** Lets it kill itself at that moment, counted from now on. */
  dieAt(moment: Moment): void
  /** What its equipment told so far. */
  told(): readonly unknown[]
  /** Resolves when it is gone. */
  readonly gone: Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** A control plane was told to die at a moment, and did before it was up. */
export class DiedEarly extends Error {}

/**
 * Starts a control plane on a data folder that nobody else holds. A `recorder` performs nothing. `equipment` is the URL of a module that
 * gives it parts of its own: see `Equip`. Rejects with `DiedEarly` when it dies before it is up: at `moment`, or killed `killAfterMs`
 * after it was started.
 */
export async function startDoomed(
  dataDir: string,
  tenantId: string,
  role: 'worker' | 'recorder' = 'worker',
  make: { readonly moment?: Moment; readonly equipment?: URL; readonly killAfterMs?: number } = {},
): Promise<Doomed> {
  const { moment, equipment, killAfterMs } = make
  const made: Make = { ...(moment ? { moment } : {}), ...(equipment ? { equipment: equipment.href } : {}) }
  const args = [dataDir, tenantId, role, JSON.stringify(made)]
  const child = fork(new URL('./control-plane.ts', import.meta.url), args, {
    execArgv: [],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  })
  const killing = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  const words: Word[] = []
  const hearing = new Set<() => void>()
  const gone = once(child, 'exit').then(() => {})
  child.on('message', (word: Word) => {
    words.push(word)
    for (const hear of hearing) hear()
  })
  const heard = <W extends Word>(from: number, is: (word: Word) => word is W): Promise<W> =>
    new Promise((resolve, reject) => {
      const hear = (): void => {
        const found = words.slice(from).find(is)
        if (found === undefined && !isGone(child)) return
        hearing.delete(hear)
        if (found === undefined) reject(new DiedEarly('The control plane ended before it said that.'))
        else resolve(found)
      }
      hearing.add(hear)
      hear()
    })
  child.on('exit', () => {
    clearTimeout(killing)
    for (const hear of hearing) hear()
  })
  // A message that does not get through met one that is dead, and its exit says so.
  const send = (said: Order | Fate): void => void (child.connected && child.send(said, error => void error))
  const { front } = await heard(0, word => word.kind === 'up')
  return {
    pid: child.pid ?? 0,
    front,
    gone,
    told: () => words.flatMap(word => (word.kind === 'told' ? [word.what] : [])),
    async order(order) {
      const from = words.length
      send(order)
      const answer = await heard(from, word => word.kind === 'accepted' || word.kind === 'refused')
      if (answer.kind === 'accepted') return answer.deploymentId
      throw new SlipwayError(answer.code as ErrorCode, answer.message)
    },
    async until(is) {
      const found = await heard(0, (word): word is Word & { kind: 'event' } => word.kind === 'event' && is(word.event))
      return found.event
    },
    async passed() {
      const from = words.length
      send({ kind: 'passed' })
      return (await heard(from, word => word.kind === 'passed')).names
    },
    dieAt: at => send({ kind: 'die', at }),
    async kill() {
      if (isGone(child)) return
      child.kill('SIGKILL')
      await gone
    },
  }
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
