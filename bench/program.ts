import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The checkout that is measured. */
export const root: string = fileURLToPath(new URL('..', import.meta.url))

/**
 * Puts the package into `folder` as npm installs it: what is compiled, and nothing else of the sources. Returns its command. What is emitted
 * is what `npm pack` emits; types are only not checked again.
 */
export async function installPackage(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const tsc = join(root, 'node_modules/.bin/tsc')
  const project = join(root, 'tsconfig.build.json')
  const quickly = ['--noCheck', '--declaration', 'false']
  await promisify(execFile)(tsc, ['-p', project, '--outDir', join(folder, 'dist'), ...quickly])
  await copyOf(folder, ['bin', 'package.json'])
  return join(folder, 'bin/slipway.js')
}

/** Makes `folder` a clean clone in which the dependencies were installed, and nothing was compiled yet. */
export async function cloneInstalled(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await copyOf(folder, ['bin', 'examples', 'package-lock.json', 'package.json', 'scripts', 'src'])
}

async function copyOf(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await cp(join(root, name), join(folder, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
}

/** Ends a process and all of its group that still runs; `gently` first as Ctrl-C does, unless it takes longer than `patienceMs`. */
export async function endGroup(child: ChildProcess, patienceMs: number): Promise<void> {
  const { pid, exitCode, signalCode } = child
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  const ended = once(child, 'close')
  process.kill(-pid, 'SIGINT')
  const late = setTimeout(() => process.kill(-pid, 'SIGKILL'), patienceMs)
  await ended
  clearTimeout(late)
}
