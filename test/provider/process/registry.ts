import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** A version of a package: its package.json besides name and version, and its files. */
export interface Published {
  readonly name: string
  readonly version: string
  readonly manifest?: Readonly<Record<string, unknown>>
  readonly files?: Readonly<Record<string, string>>
  /** Says another checksum than that of the archive it sends. */
  readonly tampered?: boolean
}

/** A registry of npm packages of its own: what npm asks of one, on a free port. */
export interface Registry {
  readonly url: string
  readonly requests: readonly string[]
  publish(...packages: readonly Published[]): void
  /** Answers requests of which this is true by what it does; undefined: as ever. */
  answer(how: ((path: string, response: ServerResponse) => boolean) | undefined): void
  /** Sends what it would have sent. */
  send(path: string, response: ServerResponse): void
  /** Resolves with the next request whose path is so. */
  asked(is: (path: string) => boolean): Promise<string>
  close(): Promise<void>
}

export async function startRegistry(): Promise<Registry> {
  const published = new Map<string, Published>()
  const requests: string[] = []
  const waiting = new Set<(path: string) => void>()
  let special: ((path: string, response: ServerResponse) => boolean) | undefined

  const send = (path: string, response: ServerResponse): void => {
    const archive = /^\/(?<name>.+)\/-\/(?<version>[^/]+)\.tgz$/.exec(path)?.groups
    const found = archive && published.get(`${archive['name']}@${archive['version']}`)
    if (found) return void response.end(archiveOf(found))
    const versions = [...published.values()].filter(({ name }) => `/${name}` === path)
    if (versions.length === 0) return void response.writeHead(404).end('{"error":"not found"}')
    response.setHeader('content-type', 'application/json').end(JSON.stringify(packument(versions, url())))
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent(request.url ?? '')
    requests.push(path)
    for (const hear of waiting) hear(path)
    if (special?.(path, response)) return
    send(path, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url: url(),
    requests,
    publish(...packages) {
      for (const one of packages) published.set(`${one.name}@${one.version}`, one)
    },
    answer(how) {
      special = how
    },
    send,
    asked: is =>
      new Promise(resolve => {
        const hear = (path: string): void => {
          if (!is(path)) return
          waiting.delete(hear)
          resolve(path)
        }
        waiting.add(hear)
      }),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function packument(versions: readonly Published[], url: string): object {
  const [{ name }, newest] = [versions[0] as Published, versions.at(-1) as Published]
  const each = versions.map(one => {
    const shasum = one.tampered ? Buffer.from('another') : archiveOf(one)
    const integrity = `sha512-${createHash('sha512').update(shasum).digest('base64')}`
    const scripts = (one.manifest?.['scripts'] ?? {}) as Record<string, string>
    const hasInstallScript = ['preinstall', 'install', 'postinstall'].some(script => script in scripts)
    const dist = { tarball: `${url}/${name}/-/${one.version}.tgz`, integrity }
    return [one.version, { name, version: one.version, ...one.manifest, hasInstallScript, dist }] as const
  })
  return { name, 'dist-tags': { latest: newest.version }, versions: Object.fromEntries(each) }
}

/** The archive npm unpacks: everything below `package/`. */
export function archiveOf({ name, version, manifest = {}, files = {} }: Published): Buffer {
  const all = { 'package.json': JSON.stringify({ name, version, ...manifest }), ...files }
  const parts = Object.entries(all).flatMap(([path, text]) => [header(`package/${path}`, text), padded(text)])
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]))
}

function padded(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** The 512 bytes before a file in a tar archive. */
function header(path: string, text: string): Buffer {
  const block = Buffer.alloc(512)
  const octal = (value: number, at: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
  }
  block.write(path, 0)
  octal(0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(Buffer.byteLength(text), 124, 12)
  octal(0, 136, 12)
  block.fill(' ', 148, 156)
  block.write('0', 156)
  block.write('ustar\0', 257)
  block.write('00', 263)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
