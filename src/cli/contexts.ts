import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../errors.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'
import type { World } from './world.ts'

/** A server and who one is to it, under a name. */
export interface Context {
  readonly url: string
  readonly token?: string
  /** The tenant that an operator works for. */
  readonly tenant?: string
}

/** The contexts of a user. */
export interface Contexts {
  /** The name of the one in use. */
  readonly current?: string
  readonly contexts: Readonly<Record<string, Context>>
}

/** What to do about a file that can't be used. */
const another = 'Look at whose it is, or name another one:  SLIPWAY_CONFIG=FILE'

/** Where the contexts of a user are kept: `$SLIPWAY_CONFIG`, else in the folder for configuration of this system. */
export function contextsFile({ env, home }: Pick<World, 'env' | 'home'>): string {
  return env['SLIPWAY_CONFIG'] || join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'slipway', 'config.json')
}

/** Reads them; a file that is not there has none. Throws a `Refusal` when it can't be read or is not ours. */
export async function readContexts(world: Pick<World, 'env' | 'home'>): Promise<Contexts> {
  const file = contextsFile(world)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { contexts: {} }
    throw new Refusal(exit.unexpected, 'config_unreadable', `${file} can't be read: ${messageOf(error)}.`, another)
  }
  const read = parsed(text)
  if (read) return read
  throw new Refusal(
    exit.usage,
    'config_malformed',
    `${file} is not a configuration of Slipway.`,
    'Mend it, or remove it and log in again:  slipway login',
  )
}

/** Writes them so that only their owner can read them, and whoever reads meanwhile sees the old ones or the new. */
export async function writeContexts(world: Pick<World, 'env' | 'home'>, contexts: Contexts): Promise<void> {
  const file = contextsFile(world)
  const written = `${file}.${process.pid}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(written, `${JSON.stringify(contexts, undefined, 2)}\n`, { mode: 0o600 })
    await chmod(written, 0o600)
    await rename(written, file)
  } catch (error) {
    await rm(written, { force: true }).catch((left: unknown) => void left) // because the first failure is the one to tell
    throw new Refusal(exit.unexpected, 'config_unwritable', `${file} can't be written: ${messageOf(error)}.`, another)
  }
}

function parsed(text: string): Contexts | undefined {
  try {
    const read: unknown = JSON.parse(text)
    if (!isRecord(read) || !isRecord(read['contexts'])) return undefined
    const { current, contexts } = read
    if (current !== undefined && typeof current !== 'string') return undefined
    return Object.values(contexts).every(isContext) ? (read as unknown as Contexts) : undefined
  } catch (error) {
    void error // because what is not JSON is not ours either
    return undefined
  }
}

function isContext(value: unknown): boolean {
  if (!isRecord(value) || typeof value['url'] !== 'string') return false
  return [value['token'], value['tenant']].every(text => text === undefined || typeof text === 'string')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
