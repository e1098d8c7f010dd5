import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Unavailable } from '../stage/error-text.ts'

/** The page that http-server is given to serve. */
export const page = `<!doctype html><title>Pages</title>\n${'<p>The same page from every version.</p>\n'.repeat(100)}`

/** http-server as a service: what is in `public`, on the port it is given, never cached. */
const command = [
  'node',
  'node_modules/http-server/bin/http-server',
  'public',
  '-p',
  '$PORT',
  '-a',
  '127.0.0.1',
  '-c-1',
  '--silent',
]

/**
 * Installs this version of http-server from npm into `<folder>/http-server-<version>`, an image that serves {@link page}. Throws
 * `Unavailable` when the registry can't be reached.
 */
export async function installHttpServer(version: string, folder: string, signal: AbortSignal): Promise<void> {
  const image = join(folder, `http-server-${version}`)
  await mkdir(join(image, 'public'), { recursive: true })
  await writeFile(join(image, 'package.json'), '{ "private": true }\n')
  await writeFile(join(image, 'public', 'index.html'), page)
  await writeFile(join(image, 'slipway.json'), `${JSON.stringify({ command }, undefined, 2)}\n`)
  await npmInstall(`http-server@${version}`, image, signal)
}

/** What npm says when it did not get through to the registry. */
const unreachable =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|E50[234])\b/

async function npmInstall(wanted: string, folder: string, signal: AbortSignal): Promise<void> {
  // Under `npm run` the npm that runs us, else the one on PATH.
  const npm = process.env['npm_execpath']
  const [program, first] = npm ? [process.execPath, [npm]] : ['npm', []]
  const flags = [
    '--ignore-scripts',
    '--save-exact',
    '--no-audit',
    '--no-fund',
    '--fetch-retries=1',
    '--fetch-retry-mintimeout=1000',
    '--prefix',
    folder,
  ]
  const child = spawn(program, [...first, 'install', ...flags, wanted], {
    cwd: folder,
    // npm would leave compiled code of its own in the temporary folder.
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  })
  let failure: Error | undefined
  child.on('error', error => {
    failure = error
  })
  // Until it has ended, whatever ended it: as long as it writes, its folder can't be removed.
  const closed = new Promise<number | null>(resolve => child.once('close', resolve))
  const [said, code] = await Promise.all([text(child.stderr), closed])
  signal.throwIfAborted()
  if (failure) throw failure
  if (code === 0) return
  if (unreachable.test(said)) throw new Unavailable(`The npm registry cannot be reached to install ${wanted}:\n${said}`)
  throw new Error(`npm could not install ${wanted} (exit code ${code}):\n${said}`)
}
