import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A proxy of bytes that cuts each connection after so many of them came back. */
export interface CuttingProxy {
  readonly url: string
  /** How many connections it has cut so far. */
  cuts(): number
}

/** Stands before a server. `bytesOf` says for each connection, counted from 0, how much of its answers is let through. */
export async function startCuttingProxy(
  t: Pick<TestContext, 'after'>,
  to: string,
  bytesOf: (connection: number) => number,
): Promise<CuttingProxy> {
  const { hostname, port } = new URL(to)
  const open = new Set<Socket>()
  let [connections, cuts] = [0, 0]
  const server = createServer(client => {
    let left = bytesOf(connections++)
    const behind = connect({ host: hostname, port: Number(port) })
    const end = (): void => {
      for (const socket of [client, behind]) {
        open.delete(socket)
        socket.destroy()
      }
    }
    for (const socket of [client, behind]) {
      open.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
    client.pipe(behind)
    behind.on('data', bytes => {
      client.write(bytes.subarray(0, left))
      left -= bytes.length
      if (left > 0) return
      cuts++
      behind.pause()
      client.end(end)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of open) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts }
}
