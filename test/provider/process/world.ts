import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { newId } from '../../../src/id.ts'
import { type ProcessProviderOptions, processProvider } from '../../../src/provider/process/provider.ts'
import type { Fence, Provider, Replica, RevisionSpec } from '../../../src/provider/provider.ts'
import { lanePorts } from '../../support/ports.ts'

/** Files of an image: text, or a program that may be run. */
export type Files = Readonly<Record<string, string | { readonly program: string }>>

/** A process provider in a folder of its own, and what a test does with it. */
export interface ProcessWorld {
  readonly folder: string
  readonly dataDir: string
  readonly storeId: string
  readonly provider: Provider
  /** Writes an image's folder and returns its name. */
  image(files: Files): string
  /** A revision of it, resolved and prepared, in an instance of its own. */
  revision(image: string, given?: Partial<RevisionSpec>): Promise<RevisionSpec>
  fence(spec: { readonly instanceId: string }, given?: Partial<Fence>): Fence
  start(spec: RevisionSpec, ...ordinals: readonly number[]): Promise<Replica[]>
  stopAll(spec: { readonly instanceId: string }, graceMs?: number): Promise<void>
  /** Everything a replica wrote to stdout so far. */
  output(spec: { readonly instanceId: string }, replica?: Replica): Promise<string>
  reopen(): Promise<Provider>
  dispose(): Promise<void>
}

export async function processWorld(options: Partial<ProcessProviderOptions> = {}): Promise<ProcessWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-process-'))
  const dataDir = options.dataDir ?? join(folder, 'data')
  const storeId = newId('store')
  let provider = await processProvider({ portRange: lanePorts().replicas, ...options, dataDir })

  const world: ProcessWorld = {
    folder,
    dataDir,
    storeId,
    get provider() {
      return provider
    },
    image: files => `file:${writeFiles(join(folder, 'images', randomBytes(6).toString('hex')), files)}`,
    async revision(image, given = {}) {
      const { digest } = await provider.resolve(image)
      const spec: RevisionSpec = {
        tenantId: 'ten_test',
        instanceId: newId('inst'),
        service: 'web',
        revision: `${digest.slice(7, 23)}.1`,
        image,
        digest,
        env: {},
        secrets: {},
        urls: {},
        ports: [],
        ...given,
      }
      return spec
    },
    fence: ({ instanceId }, given = {}) => ({
      storeId,
      instanceId,
      epoch: 1,
      signal: new AbortController().signal,
      check: () => undefined,
      ...given,
    }),
    async start(spec, ...ordinals) {
      await provider.start(spec, ordinals.length > 0 ? ordinals : [0], world.fence(spec))
      return (await provider.observe(spec.instanceId)).filter(replica => replica.revision === spec.revision)
    },
    async stopAll(spec, graceMs = 5000) {
      const ids = (await provider.observe(spec.instanceId)).map(replica => replica.id)
      await provider.stop(spec.instanceId, ids, graceMs, world.fence(spec))
    },
    async output(spec, replica) {
      const lines: string[] = []
      const query = { instanceId: spec.instanceId, ...(replica ? { replicaName: replica.name } : {}) }
      for await (const line of provider.logs(query)) if (line.stream === 'stdout') lines.push(line.text)
      return lines.join('\n')
    },
    async reopen() {
      await provider.close()
      provider = await processProvider({ portRange: lanePorts().replicas, ...options, dataDir })
      return provider
    },
    async dispose() {
      await provider.close()
      // Whatever a failed test left, of whichever store and epoch.
      const left = livingGroups(dataDir)
      for (const pid of left) process.kill(-pid, 'SIGKILL')
      await until('nothing of it runs', () => !left.some(isRunning))
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return world
}

export function writeFiles(folder: string, files: Files): string {
  mkdirSync(folder, { recursive: true })
  for (const [name, file] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof file === 'string' ? file : file.program)
    chmodSync(path, typeof file === 'string' ? 0o644 : 0o755)
  }
  return folder
}

/** An image whose command is this shell script. */
export function shell(script: string, more: Files = {}): Files {
  return { 'slipway.json': JSON.stringify({ command: ['sh', './run'] }), run: script, ...more }
}

/** A Node program that answers every request on `$PORT` with 200. */
export const httpServer: Files = {
  'server.mjs': `import { createServer } from 'node:http'
createServer((request, response) => response.end('ok')).listen(process.env.PORT, '127.0.0.1')`,
  'package.json': JSON.stringify({ main: 'server.mjs' }),
}

/** Resolves with what `look` sees as soon as that is something. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (const end = performance.now() + 15_000; performance.now() < end; ) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  throw new Error(`not within 15 s: ${what}`)
}

/** Whether a process runs (a zombie does not). */
export function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`
  try {
    return existsSync(stat) && !/\) [ZX]/.test(readFileSync(stat, 'latin1'))
  } catch {
    return false // ended between the two
  }
}

/** The groups that the records below a data folder name and that still run. */
function livingGroups(dataDir: string): number[] {
  const records = readdirSync(join(dataDir, 'instances'), { recursive: true, encoding: 'utf8' })
    .filter(name => /\/(?:replicas|tasks)\/.*\.json$/.test(name))
    .map(name => JSON.parse(readFileSync(join(dataDir, 'instances', name), 'utf8')) as Record<string, unknown>)
  return (
    records
      .filter(record => record['exitCode'] === undefined && record['result'] === undefined)
      .map(record => Number(record['pid']))
      // Never 0 or 1: as groups those would be our own, and everybody.
      .filter(pid => pid > 1 && isRunning(pid))
  )
}

/** Living processes whose command line contains the text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) && isRunning(pid)
      } catch {
        return false // ended while we looked
      }
    })
}
