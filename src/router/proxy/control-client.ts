import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { SlipwayError } from '../../errors.ts'
import { answerSchema, type CallName, type CallParams, type CallResults, errorOf, lines } from './control.ts'
import { heartbeat } from './heartbeat.ts'

/** The id of questions that are only there to be answered. Calls count from 1. */
const pulseId = 0
/** What is of interest in the answers to them. */
const selfSchema = z.object({ pid: z.int() })

/** The connection broke before the answer came. Every call may be made again. */
export class ConnectionLost extends Error {}

/** One connection to a running proxy. */
export interface ControlClient {
  /** Throws what the proxy threw, `unavailable` after `timeoutMs`, the signal's reason, or {@link ConnectionLost}. */
  call<C extends CallName>(
    call: C,
    params: CallParams<C>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<CallResults[C]>
  readonly open: boolean
  close(): void
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** What a connection tells of itself. */
export interface ConnectionEvents {
  /** It is gone. `meant`: the proxy ended on purpose. */
  onEnd(meant: boolean): void
  /** The proxy answers nothing, and has not for as long as `deafAfterMs`, again. `pid` is what it had called itself, if it ever answered. */
  onDeaf?(pid: number | undefined): void
}

/** Connects to the control socket at `path`. With `deafAfterMs` the proxy is asked for a sign of life several times in that time. */
export async function connectControl(
  path: string,
  { onEnd, onDeaf }: ConnectionEvents,
  deafAfterMs?: number,
): Promise<ControlClient> {
  const socket = connect(path)
  await new Promise<void>((resolve, reject) => void socket.once('connect', resolve).once('error', reject))
  const waiting = new Map<number, Waiting>()
  let next = pulseId + 1
  let meant = false
  let pid: number | undefined
  const ask = (): void => void socket.write(`${JSON.stringify({ id: pulseId, call: 'hello', params: {} })}\n`)
  const pulse = deafAfterMs
    ? heartbeat({ everyMs: Math.min(1000, deafAfterMs / 5), deafAfterMs }, ask, () => onDeaf?.(pid))
    : undefined
  // At once, so that it has said who it is before anything keeps it from that.
  if (pulse) ask()
  socket.setEncoding('utf8')
  socket.on('data', () => pulse?.heard())
  socket.on(
    'data',
    lines(line => {
      const answer = answerOf(line)
      // Not our protocol: whoever waits is told by the end of the connection.
      if (!answer) return void socket.destroy()
      if ('bye' in answer) {
        meant = true
        return
      }
      if ('error' in answer) settle(socket, waiting, answer.id)?.reject(errorOf(answer.error))
      else if (answer.id === pulseId) pid = selfSchema.safeParse(answer.result).data?.pid ?? pid
      else settle(socket, waiting, answer.id)?.resolve(answer.result)
    }),
  )
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    pulse?.stop()
    for (const id of waiting.keys()) settle(socket, waiting, id)?.reject(new ConnectionLost('the proxy hung up'))
    onEnd(meant)
  })
  // An idle connection keeps no program from ending.
  socket.unref()
  return {
    get open() {
      return !socket.destroyed && socket.writable
    },
    close: () => socket.destroy(),
    call: async <C extends CallName>(call: C, params: CallParams<C>, timeoutMs: number, signal?: AbortSignal) => {
      signal?.throwIfAborted()
      if (socket.destroyed) throw new ConnectionLost('the proxy hung up')
      const id = next++
      const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }))
      socket.ref()
      socket.write(`${JSON.stringify({ id, call, params })}\n`)
      const giveUp = (error: unknown): void => {
        const one = settle(socket, waiting, id)
        if (!one) return
        socket.write(`${JSON.stringify({ cancel: id })}\n`)
        one.reject(error)
      }
      const timer = setTimeout(() => giveUp(slow(call, timeoutMs)), timeoutMs)
      const onAbort = (): void => giveUp(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        return (await answer) as CallResults[C]
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
      }
    },
  }
}

function answerOf(line: string): z.infer<typeof answerSchema> | undefined {
  try {
    return answerSchema.parse(JSON.parse(line))
  } catch (error) {
    void error // because a line that can't be read is no answer
    return undefined
  }
}

function settle(socket: Socket, waiting: Map<number, Waiting>, id: number): Waiting | undefined {
  const one = waiting.get(id)
  waiting.delete(id)
  if (waiting.size === 0) socket.unref()
  return one
}

function slow(call: CallName, timeoutMs: number): SlipwayError {
  return new SlipwayError('unavailable', `The proxy did not answer "${call}" within ${timeoutMs} ms.`, {
    next: 'Look at proxy.log in the data folder; the call can be made again.',
  })
}
