import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { LoadSettings } from './options.ts'
import type { Tally } from './stats.ts'

const everyMs = 200
/**
 * A message younger than this when a close frame comes was on its way while the server said goodbye: echoes come in order, so it had not
 * been read. Long enough for a machine so busy that a replica gets its turn late, and finds the message beside the signal to end; short
 * enough to notice a tunnel that no longer carries what it is given.
 */
const crossingMs = 3000

/**
 * Holds `settings.websockets` connections open, each sending a message every 200 ms and expecting its echo, until `stop` is called.
 *
 * A close frame from the server is no loss: a connection that lives for hours has to end when its replica does, and the client connects
 * again at once. Messages that were on their way just then cannot have been taken by either side; they are sent again on the next
 * connection, and lost when they stay without echo there. Everything else that ends a connection is a loss.
 */
export function holdWebSockets(settings: LoadSettings, tally: Tally): { stop(): Promise<void> } {
  const clients = Array.from({ length: settings.websockets }, (_, id) => holdWebSocket(settings, tally, id))
  return {
    async stop() {
      await Promise.all(clients.map(client => client.stop()))
    },
  }
}

function holdWebSocket(settings: LoadSettings, tally: Tally, id: number): { stop(): Promise<void> } {
  const { target, timeoutMs } = settings
  const waiting = new Map<string, number>()
  let number = 0
  let stopping = false
  let socket = connect()
  let again: NodeJS.Timeout | undefined
  const beat = setInterval(() => {
    expire()
    if (!stopping && socket.readyState === WebSocket.OPEN) send(socket, `${id}:${number++}`)
  }, everyMs)

  function connect(): WebSocket {
    const opening = new WebSocket(`ws://${target.host}:${target.port}${settings.webSocketPath}`, {
      headers: { host: target.hostHeader },
      handshakeTimeout: timeoutMs,
      perMessageDeflate: false,
    })
    let open = false
    let failure: string | undefined
    opening.on('open', () => {
      open = true
      tally.webSockets.open++
      tally.webSockets.opened++
      for (const text of waiting.keys()) send(opening, text)
    })
    opening.on('message', data => {
      // oxlint-disable-next-line typescript/no-base-to-string -- text messages arrive as one Buffer
      if (waiting.delete(data.toString())) tally.webSockets.echoed++
      else tally.lostWebSocket('wrong', `client ${id} got an echo of what it did not send`)
    })
    opening.on('unexpected-response', (_, response) => {
      const made = response.headers['x-slipway-error']
      failure = `handshake answered ${response.statusCode}${made === undefined ? '' : ` by the proxy: ${String(made)}`}`
      opening.terminate()
    })
    opening.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= error.code === undefined ? error.message : `${error.code} ${error.message}`
    })
    opening.on('close', code => {
      if (open) tally.webSockets.open--
      if (stopping) return
      if (code === 1006 || !open) {
        const refused = failure?.startsWith('ECONNREFUSED') ? 'refused' : 'reset'
        const text = open ? 'connection cut without a close frame' : 'handshake failed'
        tally.lostWebSocket(
          failure?.includes('proxy') ? 'proxy' : refused,
          `client ${id}: ${text}${failure ? `: ${failure}` : ''}`,
        )
        waiting.clear() // these messages are part of the loss just counted
      } else {
        tally.webSockets.closed++
        tally.webSockets.crossed += keepYoung()
      }
      // At once, but not in a tight circle when nobody listens.
      again = setTimeout(() => (socket = connect()), open ? 0 : everyMs)
    })
    return opening
  }

  function send(to: WebSocket, text: string): void {
    waiting.set(text, performance.now())
    tally.webSockets.sent++
    to.send(text)
  }

  /** Drops what was sent too long ago to have crossed a close frame, and returns how many messages stay. */
  function keepYoung(): number {
    const since = performance.now() - crossingMs
    for (const [text, sentAt] of waiting) if (sentAt < since) loseMessage(text, 'the connection was closed')
    return waiting.size
  }

  function expire(): void {
    const since = performance.now() - timeoutMs
    for (const [text, sentAt] of waiting) if (sentAt < since) loseMessage(text, `${timeoutMs} ms passed`)
  }

  function loseMessage(text: string, why: string): void {
    waiting.delete(text)
    tally.lostWebSocket('timeout', `message ${text} got no echo before ${why}`)
  }

  return {
    async stop() {
      clearInterval(beat)
      // The last echoes are awaited like the answers of requests in flight.
      const deadline = performance.now() + timeoutMs
      while (waiting.size > 0 && performance.now() < deadline) await delay(5)
      stopping = true
      clearTimeout(again)
      for (const text of waiting.keys()) loseMessage(text, 'the end')
      if (socket.readyState === WebSocket.CLOSED) return
      // Not events.once: a handshake that is broken off here ends with an error, and with this close.
      const closed = new Promise(resolve => socket.once('close', resolve))
      socket.close()
      const impatience = setTimeout(() => socket.terminate(), 1000)
      await closed
      clearTimeout(impatience)
    },
  }
}
