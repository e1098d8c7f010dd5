import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A socket in front of the one of a PostgreSQL, which cuts a connection at a given statement. */
export interface CuttingSocket {
  url(database: string): string
  /** Cuts the next connection over which this text is sent: once the server has answered it, or instead of passing it on. */
  cutAt(text: string, when: 'answered' | 'asked'): void
  close(): Promise<void>
}

/** Puts one in front of `path`. */
export async function cuttingSocket(path: string): Promise<CuttingSocket> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-cut-'))
  let next: { readonly text: string; readonly when: 'answered' | 'asked' } | undefined
  const open = new Set<Socket>()
  const server = createServer(client => {
    const upstream = createConnection(path)
    let cutting = false
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        open.delete(socket)
        end()
      })
    }
    client.on('data', chunk => {
      if (next && chunk.includes(next.text)) {
        const { when } = next
        next = undefined
        if (when === 'asked') return end()
        cutting = true
      }
      upstream.write(chunk)
    })
    upstream.on('data', chunk => {
      if (cutting) end()
      else client.write(chunk)
    })
  })
  server.listen(join(folder, '.s.PGSQL.5432'))
  await once(server, 'listening')
  return {
    url: database => `postgres://postgres@/${database}?host=${encodeURIComponent(folder)}`,
    cutAt(text, when) {
      next = { text, when }
    },
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
