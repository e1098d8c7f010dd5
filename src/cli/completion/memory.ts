import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../world.ts'

/** Tab is pressed several times for one word, and a server is asked once for it. */
const keptMs = 5_000

/** What was found a moment ago `by` the same settings, or what is found now. One file for each kind of thing, so none are left over. */
export async function remembered(
  world: World,
  what: string,
  by: readonly unknown[],
  find: () => Promise<string[]>,
): Promise<string[]> {
  const folder = join(world.env['XDG_CACHE_HOME'] || join(world.home, '.cache'), 'slipway')
  const file = join(folder, `completion-${what}.json`)
  // The token is among them, and is not to lie about in another file.
  const key = createHash('sha256').update(JSON.stringify(by)).digest('hex')
  const kept = await read(file, key, world.now())
  if (kept) return kept
  const found = await find()
  const written = `${file}.${process.pid}`
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(written, JSON.stringify({ key, at: world.now(), found }), { mode: 0o600 })
    await rename(written, file)
  } catch (error) {
    void error // because what was found is as good without
    await rm(written, { force: true }).catch((left: unknown) => void left)
  }
  return found
}

async function read(file: string, key: string, now: number): Promise<string[] | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as { key: string; at: number; found: string[] }
    const ageMs = now - kept.at
    return kept.key === key && ageMs >= 0 && ageMs < keptMs ? kept.found : undefined
  } catch (error) {
    void error // because without one, or with one that is no good, the server is asked
    return undefined
  }
}
