// Runs before `npm start`, `npm test` and `npx slipway`: installs the dependencies when node_modules is missing or older than the lockfile.
// Plain JavaScript for old Nodes: the Node that Slipway runs on (24) is itself one of the dependencies.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lockfile = join(root, 'package-lock.json')
const stamp = join(root, 'node_modules', '.slipway-installed')
const wanted = readFileSync(lockfile, 'utf8')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted || !existsSync(join(root, 'node_modules/.bin/node'))) {
  process.stderr.write('slipway: installing dependencies (npm install) …\n')
  const npm = process.env.npm_execpath
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []]
  // Not `npm ci`: it refuses a lockfile without the builds of a linter for platforms that a registry mirror may not carry.
  // `--no-save` keeps to the lockfile and never rewrites it.
  const done = spawnSync(command, [...args, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (done.status !== 0) {
    process.stderr.write('slipway: npm install failed; run it by hand to see why, then try again\n')
    process.exit(done.status ?? 1)
  }
  const node = join(root, 'node_modules/.bin/node')
  if (!existsSync(node) || statSync(node).size === 0) {
    process.stderr.write(
      'slipway: the npm package "node" brought no binary; npm must be allowed to run its install script\n',
    )
    process.exit(1)
  }
  // Beside the commands of the dependencies, so that `npx slipway` is ours at once.
  const bin = join(root, 'node_modules/.bin/slipway')
  rmSync(bin, { force: true })
  symlinkSync(join('..', '..', 'bin', 'slipway.js'), bin)
  // A copy of node_modules made of hard links shares its files with others: theirs is not to be written.
  rmSync(stamp, { force: true })
  writeFileSync(stamp, wanted)
}
