import { rename, rm, stat } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  type CallName,
  type CallParams,
  type CallResults,
  callSchemas,
  errorLine,
  lines,
  requestSchema,
} from './control.ts'
import { socketName } from './find.ts'
import { inSlices } from './slices.ts'

/** What answers the calls. `reply` of an upgrade or a shutdown may come while the process is already leaving. */
export type Answers = {
  readonly [C in CallName]: (params: CallParams<C>, signal: AbortSignal) => CallResults[C] | Promise<CallResults[C]>
}

export interface ControlServer {
  readonly path: string
  /** Tells every client that the end is meant, lets answers leave, and closes. With `keepPath` the path is another process's by now. */
  close(keepPath: boolean): Promise<void>
  /** From now on answers nothing but `except`, and hangs up on the rest: the process that takes over will answer them. */
  hangUp(except: CallName): void
  /** Undoes {@link hangUp}: nobody took over. */
  resume(): void
  /** Whether the path still leads here. Folders for sockets are swept: at a logout, or for their age. */
  reachable(): Promise<boolean>
}

interface Caller {
  readonly socket: Socket
  readonly calls: Map<number, { readonly call: CallName; readonly controller: AbortController }>
}

/** The one call that is still answered, once the process is leaving. */
interface Leaving {
  except?: CallName
}

/**
 * Listens on the control socket in `folder`. It is bound under a name of its own and renamed into place, so that the path changes hands
 * at once when another process takes over, and closing the old socket (which unlinks the name it was bound under) does not take the new one away.
 */
export async function serveControl(folder: string, answers: Answers): Promise<ControlServer> {
  const path = join(folder, socketName)
  const own = join(folder, `${process.pid}.sock`)
  const callers = new Set<Caller>()
  const leaving: Leaving = {}
  const server = createServer(socket => callers.add(greet(socket, answers, leaving, caller => callers.delete(caller))))
  await rm(own, { force: true })
  await new Promise<void>((resolve, reject) => void server.once('error', reject).listen(own, resolve))
  await rename(own, path)
  const { ino } = await stat(path)
  return {
    path,
    reachable: async () => (await inode(path)) === ino,
    hangUp: except => {
      leaving.except = except
      for (const { socket, calls } of callers) {
        const others = [...calls.values()].filter(({ call }) => call !== except)
        if (others.length === calls.size) socket.destroy()
        else for (const { controller } of others) controller.abort(new Error('another process takes over'))
      }
    },
    resume: () => {
      delete leaving.except
    },
    close: async keepPath => {
      if (!keepPath && (await inode(path)) === ino) await rm(path, { force: true })
      for (const { socket } of callers) {
        socket.end(keepPath ? '' : `${JSON.stringify({ bye: true })}\n`)
        socket.setTimeout(1000, () => socket.destroy())
      }
      await new Promise<void>(resolve => void server.close(() => resolve()))
    },
  }
}

function greet(socket: Socket, answers: Answers, leaving: Leaving, gone: (caller: Caller) => void): Caller {
  const caller: Caller = { socket, calls: new Map() }
  socket.setEncoding('utf8')
  socket.on('data', lines(inSlices(line => void answer(caller, answers, leaving, line))))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    for (const { controller } of caller.calls.values()) controller.abort(new Error('the caller hung up'))
    gone(caller)
  })
  return caller
}

async function answer({ socket, calls }: Caller, answers: Answers, leaving: Leaving, line: string): Promise<void> {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    // Not our protocol: nothing sensible can be answered.
    socket.destroy()
    return
  }
  const request = requestSchema.safeParse(parsed)
  if (!request.success) return void socket.destroy()
  if ('cancel' in request.data) return calls.get(request.data.cancel)?.controller.abort(new Error('cancelled'))
  const { id, call, params } = request.data
  if (leaving.except) {
    const stays = [...calls.values()].some(under => under.call === leaving.except)
    return stays ? undefined : void socket.destroy()
  }
  const controller = new AbortController()
  calls.set(id, { call, controller })
  let reply: unknown
  try {
    reply = { id, result: await perform(answers, call, params, controller.signal) }
  } catch (error) {
    reply = { id, error: errorLine(error) }
  }
  calls.delete(id)
  // What this process says alone is not the whole truth any more; the caller asks again when the connection ends.
  if (leaving.except && call !== leaving.except) return
  if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`)
}

async function perform<C extends CallName>(
  answers: Answers,
  call: C,
  params: unknown,
  signal: AbortSignal,
): Promise<CallResults[C]> {
  return answers[call](callSchemas[call].parse(params) as CallParams<C>, signal)
}

async function inode(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino
  } catch (error) {
    void error // because a path that is not there has no inode
    return undefined
  }
}
