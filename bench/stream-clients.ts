import { connect } from 'node:net'

// A process of its own for bench/streams.ts: so many connections listen to one stream each. A line of JSON says when all of them do, and for
// each event how long after the first the last one had it.

const [url = '', token = '', count = '0', how = 'reading'] = process.argv.slice(2)
const { hostname, port, pathname, search } = new URL(url)
const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\n\r\n`
const clients = Number(count)

let listening = 0
const arrivals = new Map<string, { first: number; told: number }>()

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function arrived(id: string): void {
  const now = performance.now()
  const arrival = arrivals.get(id) ?? { first: now, told: 0 }
  arrivals.set(id, arrival)
  if (++arrival.told < clients) return
  arrivals.delete(id)
  tell({ id, spread_ms: now - arrival.first, at: Date.now() })
}

for (let n = 0; n < clients; n++) {
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', error => {
    tell({ error: error.message })
    process.exit(1)
  })
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end)
      text = text.slice(end + 2)
      const [, id] = /^id: (\d+)$/m.exec(block) ?? []
      if (/^HTTP\/1\.1 (?!200)/.test(block)) {
        tell({ error: block.split('\r\n')[0] })
        process.exit(1)
      }
      if (id !== undefined) arrived(id)
      else if (block.includes('retry:')) {
        if (how === 'deaf') socket.pause()
        if (++listening === clients) tell({ listening })
      }
    }
  })
  socket.write(request)
}

process.stdin.resume().on('end', () => process.exit())
