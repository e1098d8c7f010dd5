import { Agent, type IncomingMessage, request } from 'node:http'
import { judge, judgeError, type Verdict } from './judge.ts'
import type { LoadSettings } from './options.ts'
import { pace } from './pace.ts'
import type { Tally } from './stats.ts'

/** Sends plain and slow requests at their rates until `stop` is called. */
export function sendRequests(settings: LoadSettings, tally: Tally): { stop(): void } {
  // Agents that take turns, so that many connections are kept in use even when answers are quick.
  const kept = Array.from({ length: settings.keptConnections }, () => new Agent({ keepAlive: true }))
  let turn = 0
  const next = (): Agent | undefined => kept[turn++ % kept.length]
  const plain = pace(settings.rps, (lateMs, index) => {
    tally.late(lateMs)
    const fresh = Math.floor((index + 1) * settings.freshShare) > Math.floor(index * settings.freshShare)
    sendRequest(settings, tally, 'plain', fresh ? undefined : next())
  })
  const slow = pace(settings.slowPerSecond, (lateMs, index) => {
    tally.late(lateMs)
    sendRequest(settings, tally, 'slow', index % 2 === 0 ? undefined : next())
  })
  return {
    stop() {
      plain()
      slow()
    },
  }
}

/** Sends one request, once, and counts what became of it. Without an agent it has a connection of its own. */
function sendRequest(settings: LoadSettings, tally: Tally, kind: 'plain' | 'slow', agent: Agent | undefined): void {
  const { target, timeoutMs, expect } = settings
  const began = performance.now()
  tally.sent()
  let ended = false
  const end = (verdict: Verdict): void => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    tally.ended(kind, verdict, performance.now() - began)
  }
  const outgoing = request({
    host: target.host,
    port: target.port,
    path: kind === 'slow' ? settings.slowPath : settings.path,
    headers: { host: target.hostHeader },
    agent: agent ?? false,
  })
  // Node tells of a connection that was kept and then reset like of any other: such a request is lost, not sent again.
  const on = (): string => `${agent ? 'kept' : 'fresh'} connection${outgoing.reusedSocket ? ', used before' : ''}`
  const timer = setTimeout(() => {
    end({ type: 'lost', cause: 'timeout', text: `no whole answer within ${timeoutMs} ms (${on()})` })
    outgoing.destroy()
  }, timeoutMs)
  let answer: IncomingMessage | undefined
  const fail = (error: NodeJS.ErrnoException): void => {
    end(judgeError(error.code, answer !== undefined, `${error.message} (${on()})`))
  }
  outgoing.on('error', fail)
  outgoing.on('response', incoming => {
    answer = incoming
    let body = ''
    incoming.setEncoding('utf8')
    incoming.on('data', (chunk: string) => {
      body += chunk
    })
    incoming.on('error', fail)
    incoming.on('end', () => {
      if (!incoming.complete) return fail(new Error('the answer ended early'))
      end(judge(expect, kind, { status: incoming.statusCode ?? 0, headers: incoming.headers, body }))
    })
  })
  outgoing.end()
}
