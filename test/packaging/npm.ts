import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../docs/markdown.ts'

/** Runs npm, the one that runs the tests where it is known, and gives what it wrote. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const ours = process.env['npm_execpath']
  const [command, before] = ours === undefined ? ['npm', []] : [process.execPath, [ours]]
  const { stdout } = await promisify(execFile)(command, [...before, ...args], { cwd, maxBuffer: 16 * 1024 * 1024 })
  return stdout
}

let packed: Promise<string> | undefined

/** The package as it would be published, packed once for all tests. */
export function packedPackage(): Promise<string> {
  return (packed ??= pack())
}

async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-packed-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await npm(['pack', '--silent', '--pack-destination', folder], root)
  return join(folder, readdirSync(folder)[0] ?? '')
}
