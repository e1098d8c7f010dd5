import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { proxyRouter } from '../../../src/router/proxy/router.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Another version of the package, in a folder of its own. */
export interface Release {
  readonly proxyRouter: typeof proxyRouter
  remove(): void
}

/** Copies this package as that version; `change` gets the text of files, by their path below `src`, and gives another. */
export async function release(
  version: string,
  change: Readonly<Record<string, (text: string) => string>> = {},
): Promise<Release> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-release-'))
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }))
  for (const [path, changed] of Object.entries(change)) {
    const file = join(folder, 'src', path)
    const text = readFileSync(file, 'utf8')
    if (changed(text) === text) throw new Error(`Nothing changed in ${path}`)
    writeFileSync(file, changed(text))
  }
  const module = (await import(join(folder, 'src/router/proxy/router.ts'))) as {
    readonly proxyRouter: typeof proxyRouter
  }
  return { proxyRouter: module.proxyRouter, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
