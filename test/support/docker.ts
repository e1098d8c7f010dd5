import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isRequired } from './part.ts'

/** A Docker Engine, and its command line. */
export interface Docker {
  /** What it writes; throws with that when it fails. */
  run(args: readonly string[]): Promise<string>
  dispose(): Promise<void>
}

/**
 * The Docker Engine of this machine when one answers, else one of our own for as long as the test lasts, with data and socket in a
 * temporary folder. Throws where neither can be had.
 */
export async function startDocker(): Promise<Docker> {
  if (answers()) return { run: dockerAt(), dispose: async () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'slipway-docker-'))
  const socket = `unix://${join(folder, 'socket')}`
  const daemon = spawn(
    'dockerd',
    ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'pid')].concat(
      ['--host', socket, '--bridge=none', '--iptables=false'],
    ),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  const ended = new Promise<void>(resolve => daemon.once('close', () => resolve()).once('error', () => resolve()))
  const listens = new Promise<boolean>(resolve => {
    daemon.stderr.on('data', chunk => {
      log += String(chunk)
      if (log.includes('API listen on')) resolve(true)
    })
    void ended.then(() => resolve(false))
  })
  const dispose = async (): Promise<void> => {
    daemon.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  if (!(await listens)) {
    await dispose()
    throw new Error(`No Docker Engine answers, and none of our own comes up: ${log.trim().split('\n').at(-1)}`)
  }
  return { run: dockerAt(socket), dispose }
}

/** Why a test goes without Docker on this machine; undefined where it can be had, or has to be. */
export const noDocker: string | undefined = isRequired('docker') ? undefined : whyNot()

function whyNot(): string | undefined {
  if (answers()) return undefined
  try {
    execFileSync('dockerd', ['--version'], { stdio: 'pipe' })
    return process.getuid?.() === 0 && mayMount()
      ? undefined
      : 'Docker is installed, but does not run, and starting it takes root'
  } catch (error) {
    void error // because the reason is the same whatever is missing of it
    return 'no Docker Engine answers, and none is installed'
  }
}

/** Whether this is a user with all the rights of one, and not root in a container without them. */
function mayMount(): boolean {
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  const sysAdmin = 21n
  return ((BigInt(`0x${capabilities}`) >> sysAdmin) & 1n) === 1n
}

function dockerAt(socket?: string): Docker['run'] {
  return async args => {
    const { stdout } = await promisify(execFile)('docker', [...hostOf(socket), ...args], {
      // The builder that needs no plugin: a daemon has had it since ever.
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  }
}

function hostOf(socket: string | undefined): string[] {
  return socket === undefined ? [] : ['--host', socket]
}

function answers(): boolean {
  try {
    execFileSync('docker', ['version', '--format', '{{.Server.Version}}'], { stdio: 'pipe' })
    return true
  } catch (error) {
    void error // because one that does not answer is as good as none
    return false
  }
}
