import { createHash } from 'node:crypto'

// The smallest WebSocket server that echoes (RFC 6455): releases are folders without node_modules.
// Text, ping and close, unfragmented; enough for the messages our load generator sends.
const opcode = { text: 1, close: 8, ping: 9, pong: 10 }
const goingAway = 1001

/** Answers an upgrade and echoes every text message. Returns a function that says goodbye: close frame 1001, then the end. */
export function echo(request, socket, head, headers) {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  const lines = Object.entries({
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': accept,
    ...headers,
  })
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  )
  socket.setNoDelay(true)
  socket.setTimeout(0)
  socket.on('error', () => socket.destroy()) // the peer is gone: there is nobody left to tell

  let buffered = head
  let closing = false
  const read = chunk => {
    buffered = Buffer.concat([buffered, chunk])
    for (let frame = parse(buffered); frame; frame = parse(buffered)) {
      buffered = buffered.subarray(frame.size)
      if (frame.opcode === opcode.text && !closing) socket.write(compose(opcode.text, frame.payload))
      else if (frame.opcode === opcode.ping && !closing) socket.write(compose(opcode.pong, frame.payload))
      else if (frame.opcode === opcode.close) {
        // Theirs: answer with the same code. The answer to ours: nothing more to say.
        socket.end(closing ? undefined : compose(opcode.close, frame.payload.subarray(0, 2)))
        closing = true
      }
    }
  }
  socket.on('data', read)
  socket.on('end', () => socket.end())
  if (head.length > 0) read(Buffer.alloc(0))

  return () => {
    if (closing) return
    closing = true
    const code = Buffer.alloc(2)
    code.writeUInt16BE(goingAway)
    socket.write(compose(opcode.close, code))
    setTimeout(() => socket.destroy(), 1000).unref() // for a peer that never answers
  }
}

/** The first frame in `bytes` with its payload unmasked, or undefined while it is incomplete. */
function parse(bytes) {
  if (bytes.length < 6) return undefined
  const short = bytes[1] & 0x7f
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0
  const maskAt = 2 + lengthBytes
  if (bytes.length < maskAt + 4) return undefined
  const length =
    lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : lengthBytes === 2 ? bytes.readUInt16BE(2) : short
  const size = maskAt + 4 + length
  if (bytes.length < size) return undefined
  const mask = bytes.subarray(maskAt, maskAt + 4)
  const payload = Buffer.from(bytes.subarray(maskAt + 4, size))
  for (let i = 0; i < payload.length; i++) payload[i] ^= mask[i % 4]
  return { opcode: bytes[0] & 0x0f, payload, size }
}

function compose(code, payload) {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10)
  head[0] = 0x80 | code
  if (head.length === 2) head[1] = payload.length
  else if (head.length === 4) {
    head[1] = 126
    head.writeUInt16BE(payload.length, 2)
  } else {
    head[1] = 127
    head.writeBigUInt64BE(BigInt(payload.length), 2)
  }
  return Buffer.concat([head, payload])
}
