import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ShopRelease, type ShopReleaseName, shopReleases } from './releases.ts'

const source = new URL('../../../examples/shop/source/', import.meta.url)
const shared = { web: ['serve.mjs', 'websocket.mjs'], api: ['serve.mjs', 'websocket.mjs'], worker: [] }

/**
 * Writes every release of the shop as a folder of its own into `into`, ready to be used as `file:<folder>`, and returns the folders by name.
 *
 * @example
 * const shop = await buildShop('./shop')
 * const image = `file:${shop['web-2']}`
 */
export async function buildShop(into: string): Promise<Record<ShopReleaseName, string>> {
  const folders: [string, string][] = []
  for (const [name, release] of Object.entries(shopReleases)) {
    const folder = join(into, name)
    await writeRelease(folder, release)
    folders.push([name, folder])
  }
  return Object.fromEntries(folders) as Record<ShopReleaseName, string>
}

async function writeRelease(folder: string, release: ShopRelease): Promise<void> {
  await mkdir(folder, { recursive: true })
  await cp(new URL(`${release.service}.mjs`, source), join(folder, 'server.mjs'))
  for (const file of shared[release.service]) await cp(new URL(file, source), join(folder, file))
  await writeFile(join(folder, 'release.json'), `${JSON.stringify(release, undefined, 2)}\n`)
  await writeFile(join(folder, 'slipway.json'), '{ "command": ["node", "server.mjs"] }\n')
}
