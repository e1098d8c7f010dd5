#!/usr/bin/env node
// The `slipway` command. Plain JavaScript for old Nodes: in a checkout the Node it needs (24) is one of the dependencies, and is used
// whatever Node this is; an installed package runs on the Node that is there, and says so when that is too old.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src/cli/main.ts')
const setup = join(root, 'scripts/setup.mjs')
// A clean clone has nothing installed yet.
if (existsSync(source) && existsSync(setup)) await import(pathToFileURL(setup).href)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > 24 || (major === 24 && minor >= 15)) {
  module.enableCompileCache?.()
  await import(pathToFileURL(existsSync(source) ? source : join(root, 'dist/cli/main.js')).href)
} else {
  const ours = join(root, 'node_modules/node/bin/node')
  if (existsSync(ours)) {
    // Signals reach both, as the terminal sends them to the whole group; what is sent to this one alone is passed on.
    const child = spawn(ours, process.argv.slice(1), { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => signal !== 'SIGINT' && child.kill(signal))
    }
    child.on('exit', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)))
  } else {
    process.stderr.write(
      `slipway: Node ${process.versions.node} is too old, it takes 24.15 or later\n  Get one: https://nodejs.org, or in a project: npm install --save-dev node@24\n`,
    )
    process.exitCode = 1
  }
}
