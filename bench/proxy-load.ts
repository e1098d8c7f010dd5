import { Agent, createServer, request } from 'node:http'

// A process of its own for bench/proxy.ts and bench/reads.ts: `server` answers, `load` asks a URL as fast as it can, with a token if there is one. One JSON line says what came of it.

const [role, target, connections, seconds, token] = process.argv.slice(2)

if (role === 'server') {
  const body = Buffer.alloc(1024, 'x')
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
    res.end(body)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`)
  })
} else {
  const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
  const until = performance.now() + 1000 * Number(seconds)
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const latencies: number[] = []
  let failed = 0
  const ask = async (): Promise<void> =>
    new Promise(resolve => {
      const began = performance.now()
      request(target ?? '', { agent, headers }, res => {
        res.resume().on('end', () => {
          if (res.statusCode === 200) latencies.push(performance.now() - began)
          else failed++
          resolve()
        })
      })
        .on('error', () => {
          failed++
          resolve()
        })
        .end()
    })
  const began = performance.now()
  await Promise.all(
    Array.from({ length: Number(connections) }, async () => {
      while (performance.now() < until) await ask()
    }),
  )
  const elapsed = (performance.now() - began) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => Number((latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(3))
  const figures = { perSecond: Math.round(latencies.length / elapsed), p50: at(0.5), p99: at(0.99), failed }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
  agent.destroy()
}
