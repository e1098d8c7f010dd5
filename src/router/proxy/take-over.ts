import { Server } from 'node:net'
import type { DrainReport, RevisionTraffic } from '../router.ts'
import type { DataPlane, Elder } from './data-plane.ts'
import { drainAnswer, type FromNew, type FromOld, fromOldSchema, trafficAnswer } from './handover.ts'

/** How far the old process got: it let go of everything, or it died on the way. */
export type Leaving = 'left' | 'gone'

/**
 * Takes the place of the process that started this one: its listening ports first, then, when `left` has resolved, its lock and control socket.
 * What the old one still has in flight joins the plane as an elder. When it dies on the way, this one goes on with what it was given, and
 * opens the other ports itself.
 */
export async function takeOver(plane: DataPlane): Promise<{ left: Promise<Leaving>; serving(): Promise<void> }> {
  const gone = new Promise<'gone'>(resolve => {
    process.once('disconnect', () => resolve('gone'))
    if (!process.connected) resolve('gone')
  })
  const elder = elderOf()
  const left = Promise.race([heard('left').then(() => 'left' as const), gone])
  const all = Promise.race([heard('all'), gone])
  process.on('message', (raw, handle) => {
    const message = fromOldSchema.parse(raw)
    // At once: from its arrival on the port accepts here, and nobody else would look after the connections.
    if (message.type === 'listener' && handle instanceof Server) plane.adopt(message.port, handle)
  })
  await say({ type: 'loaded' })
  await all
  await plane.listen(true)
  plane.elders.add(elder)
  await say({ type: 'ready' })
  return { left, serving: async () => say({ type: 'serving' }) }
}

function elderOf(): Elder {
  const last = new Map<string, readonly RevisionTraffic[]>()
  const waiting = new Map<number, (result: unknown) => void>()
  let next = 1
  const elder = {
    alive: true,
    async traffic(instanceId: string): Promise<readonly RevisionTraffic[]> {
      if (elder.alive) {
        const answer = trafficAnswer.safeParse(await ask({ type: 'traffic', id: next++, instanceId }))
        if (answer.success) last.set(instanceId, answer.data)
      }
      return (last.get(instanceId) ?? []).map(one => (elder.alive ? one : { ...one, active: 0, activeWebSockets: 0 }))
    },
    async drain(
      instanceId: string,
      replicaIds: readonly string[],
      deadlineMs: number,
      signal: AbortSignal,
    ): Promise<DrainReport> {
      const nothing = { drained: true, cutRequests: 0, openWebSockets: 0 }
      if (!elder.alive) return nothing
      const id = next++
      const cancel = (): void => {
        tell({ type: 'cancel', id })
        waiting.get(id)?.(undefined)
      }
      signal.addEventListener('abort', cancel, { once: true })
      const answer = drainAnswer.safeParse(await ask({ type: 'drain', id, instanceId, replicaIds, deadlineMs }))
      signal.removeEventListener('abort', cancel)
      signal.throwIfAborted()
      // No answer: it ended, and nothing of it is in flight any more.
      return answer.success ? answer.data : nothing
    },
    forget(instanceId: string): void {
      last.delete(instanceId)
      if (elder.alive) tell({ type: 'forget', instanceId })
    },
  }
  const ask = async (message: FromNew & { readonly id: number }): Promise<unknown> => {
    const answer = new Promise<unknown>(resolve => waiting.set(message.id, resolve))
    tell(message)
    return answer.finally(() => waiting.delete(message.id))
  }
  const end = (): void => {
    elder.alive = false
    for (const resolve of waiting.values()) resolve(undefined)
  }
  process.on('message', raw => {
    const message = fromOldSchema.parse(raw)
    if (message.type === 'answer') waiting.get(message.id)?.(message.result)
    if (message.type !== 'final') return
    for (const [instanceId, traffic] of Object.entries(message.traffic)) last.set(instanceId, traffic)
    end()
  })
  process.once('disconnect', end)
  if (!process.connected) end()
  return elder
}

async function heard(type: FromOld['type']): Promise<void> {
  await new Promise<void>(resolve => {
    const onMessage = (raw: unknown): void => {
      const message = fromOldSchema.parse(raw)
      if (message.type !== type) return
      process.off('message', onMessage)
      resolve()
    }
    process.on('message', onMessage)
  })
}

async function say(message: FromNew): Promise<void> {
  if (!process.connected) return
  await new Promise<void>(resolve => {
    process.send?.(message, undefined, undefined, error => {
      void error // because 'disconnect' follows, and there the elder ends
      resolve()
    })
  })
}

function tell(message: FromNew): void {
  void say(message)
}
