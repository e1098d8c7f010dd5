import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Event } from '../../src/event/event.ts'
import type { Order, Word } from './control-plane.ts'

/** A control plane in a process of its own. */
export interface Doomed {
  readonly pid: number
  /** Tells it what to do; resolves to the deployment's id. */
  order(order: Order): Promise<string>
  /** Resolves with the first event that is so, from its start on. */
  until(is: (event: Event) => boolean): Promise<Event>
  /** What its equipment told so far. */
  told(): readonly unknown[]
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/**
 * Starts a control plane on a data folder that nobody else holds. A `recorder` performs nothing. `equipment` is the URL of a module that
 * gives it parts of its own: see `Equip`.
 */
export async function startDoomed(
  dataDir: string,
  tenantId: string,
  role: 'worker' | 'recorder' = 'worker',
  equipment?: URL,
): Promise<Doomed> {
  const args = [dataDir, tenantId, role, ...(equipment ? [equipment.href] : [])]
  const child = fork(new URL('./control-plane.ts', import.meta.url), args, { execArgv: [] })
  const words: Word[] = []
  const hearing = new Set<() => void>()
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
        if (found === undefined) reject(new Error('The control plane ended before it said that.'))
        else resolve(found)
      }
      hearing.add(hear)
      hear()
    })
  child.on('exit', () => {
    for (const hear of hearing) hear()
  })
  await heard(0, word => word.kind === 'up')
  return {
    pid: child.pid ?? 0,
    told: () => words.flatMap(word => (word.kind === 'told' ? [word.what] : [])),
    async order(order) {
      const from = words.length
      child.send(order)
      return (await heard(from, word => word.kind === 'accepted')).deploymentId
    },
    async until(is) {
      const found = await heard(0, (word): word is Word & { kind: 'event' } => word.kind === 'event' && is(word.event))
      return found.event
    },
    async kill() {
      if (isGone(child)) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
