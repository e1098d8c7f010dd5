// npm run image -- FOLDER [PACKAGE.tgz]: the package, packed here unless it is given, with what it depends on: the folder that
// packaging/Containerfile is built from.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const [given, packedBefore] = process.argv.slice(2)
if (given === undefined) {
  process.stderr.write('Say where the folder goes: npm run image -- FOLDER\n')
  process.exit(2)
}
const folder = resolve(given)
mkdirSync(folder, { recursive: true })
if (readdirSync(folder).length > 0) {
  process.stderr.write(`${folder} is not empty, and nothing in it is replaced.\n`)
  process.exit(2)
}
const packed = mkdtempSync(join(tmpdir(), 'slipway-image-'))
try {
  if (packedBefore === undefined) npm(['pack', '--silent', '--pack-destination', packed], root)
  const tarball = packedBefore ?? join(packed, readdirSync(packed)[0] ?? '')
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1'])
  // The versions that were tested, not those of today.
  copyFileSync(join(root, 'package-lock.json'), join(folder, 'package-lock.json'))
  npm(['ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], folder)
} finally {
  rmSync(packed, { recursive: true, force: true })
}

function npm(args: string[], cwd: string): void {
  const ours = process.env['npm_execpath']
  const [command, before] = ours === undefined ? ['npm', []] : [process.execPath, [ours]]
  execFileSync(command, [...before, ...args], { cwd, stdio: ['ignore', 2, 2] })
}
