import { messageOf } from '../../errors.ts'
import type { Context } from './context.ts'
import { settle } from './observe.ts'

/** How often log files are looked after, and replicas whose end nobody tells us of. */
export const pulseMs = 250

/** What goes on by itself while the provider is open. */
export interface Pulse {
  /** What went wrong at the last beat, in a sentence; undefined when all is well. */
  trouble(): string | undefined
  end(): void
}

/** Begins it. Keeps no process alive. */
export function startPulse(context: Context): Pulse {
  let trouble: string | undefined
  const timer = setInterval(() => {
    beat(context).then(
      () => (trouble = undefined),
      (error: unknown) => (trouble = messageOf(error)),
    )
  }, pulseMs).unref()
  return { trouble: () => trouble, end: () => clearInterval(timer) }
}

async function beat(context: Context): Promise<void> {
  const duties = [
    ...[...context.watched.values()].map(record => async () => {
      const settled = await settle(context, record)
      if (!settled || settled[1].state === 'ended') context.watched.delete(record.id)
    }),
    async () => context.replicas.catchUp(),
    async () => context.logs.sample(),
  ]
  // One that can't be done keeps no other from being done.
  const failures: unknown[] = []
  for (const duty of duties) await duty().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}
