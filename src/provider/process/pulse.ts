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
  context.logs.sample()
  for (const record of context.watched.values()) {
    const settled = await settle(context, record)
    if (!settled || settled[1].state === 'ended') context.watched.delete(record.id)
  }
}
