import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How a server that tests deploy behaves. */
export interface Own {
  readonly version: string
  /** Waits this long before it listens. */
  readonly listensAfterMs?: number
  /** Listens only once a file of this name lies in $DATA; until then it waits. */
  readonly listensAtSign?: string
  /** The same for its end, once it was told to and has nothing in flight any more. */
  readonly leavesAtSign?: string
  /** Answers /healthz with 503 and this text. */
  readonly unhealthy?: string
  /** Answers / with 500, and is healthy all the same. */
  readonly fails?: boolean
  /** Lines it writes when it starts, `$NAME` replaced from its environment. */
  readonly prints?: readonly string[]
  /** Exits with this code at once. */
  readonly exits?: number
}

const program = new URL('./program.mjs', import.meta.url)

/** Writes the image of a server into a new folder below `into`. */
export async function serverImage(into: string, own: Own): Promise<string> {
  const folder = await imageFolder(into, { command: ['node', 'program.mjs'] })
  await copyFile(program, join(folder, 'program.mjs'))
  await writeFile(join(folder, 'own.json'), JSON.stringify(own))
  return `file:${folder}`
}

/** Writes the image of a program without a port, which starts in no time. */
export async function workerImage(into: string, version: string): Promise<string> {
  const folder = await imageFolder(into, { command: ['sh', 'run'] })
  await writeFile(join(folder, 'run'), `echo ${version}\nexec sleep 3600\n`)
  return `file:${folder}`
}

async function imageFolder(into: string, config: object): Promise<string> {
  const folder = join(into, randomBytes(6).toString('hex'))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'slipway.json'), JSON.stringify(config))
  return folder
}
