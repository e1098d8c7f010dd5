import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { run } from '../../src/cli/run.ts'
import type { Input, Output, World } from '../../src/cli/world.ts'

/** How a command line is called, beside its words. */
export interface Calling {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** A terminal of this many columns and rows on all three; without it nothing is a terminal. */
  readonly terminal?: { readonly columns?: number; readonly rows?: number }
  /** What comes in. On a terminal each string is a key or a line, handed out when something is read. */
  readonly stdin?: string
  readonly now?: () => number
}

/** What came of a command line. */
export interface Called {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A command line under way. */
export interface Calls extends PromiseLike<Called> {
  /** Ctrl-C, or SIGTERM. */
  interrupt(signal?: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void
  /** Types into its terminal. */
  type(text: string): void
  /** Resolves with all that was written so far once stdout and stderr together contain this. */
  told(text: string | RegExp): Promise<string>
  readonly out: string
  readonly err: string
  /** The code with which it would have ended the process at once, if it did. */
  readonly left: number | undefined
}

/** Command lines of one user with a home of their own. */
export interface User {
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  call(argv: string | readonly string[], calling?: Calling): Calls
}

/** How long something may take until it is told, milliseconds: ten times what the slowest takes. */
const toldMs = 30_000

/** A user whose home is empty; without a token they are not logged in. */
export async function startUser(
  t: Pick<TestContext, 'after'>,
  server?: { readonly url: string; readonly token?: string; readonly tenant?: string },
): Promise<User> {
  const home = await mkdtemp(join(tmpdir(), 'slipway-cli-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const env = {
    HOME: home,
    ...(server ? { SLIPWAY_URL: server.url } : {}),
    ...(server?.token === undefined ? {} : { SLIPWAY_TOKEN: server.token }),
    ...(server?.tenant === undefined ? {} : { SLIPWAY_TENANT: server.tenant }),
  }
  return {
    home,
    env,
    call: (argv, calling = {}) => call(typeof argv === 'string' ? words(argv) : argv, home, env, calling),
  }
}

/** Words of a line; quotes hold some together. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  )
}

function call(argv: readonly string[], home: string, env: Readonly<Record<string, string>>, calling: Calling): Calls {
  const written = { out: '', err: '' }
  const waiting = new Set<() => void>()
  const listeners = new Set<(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void>()
  const output = (which: 'out' | 'err'): Output => {
    const stream = new Writable({
      decodeStrings: false,
      write(chunk: unknown, _, done) {
        written[which] += String(chunk)
        for (const look of waiting) look()
        done()
      },
    })
    const { columns = 100, rows = 30 } = calling.terminal ?? {}
    Object.assign(stream, { isTTY: calling.terminal !== undefined, columns, rows })
    return { write: text => void stream.write(text), isTty: calling.terminal !== undefined, columns, rows, stream }
  }
  let left: number | undefined
  const keys = new PassThrough()
  Object.assign(keys, { isTTY: calling.terminal !== undefined, setRawMode: () => keys })
  if (calling.stdin !== undefined) keys.write(calling.stdin)
  if (calling.terminal === undefined) keys.end()
  const stdin: Input = { isTty: calling.terminal !== undefined, stream: keys }
  const world: World = {
    stdout: output('out'),
    stderr: output('err'),
    stdin,
    env: { ...env, ...calling.env },
    cwd: calling.cwd ?? home,
    home,
    now: calling.now ?? Date.now,
    onInterrupt(listener) {
      listeners.add(listener)
      return { dispose: () => void listeners.delete(listener) }
    },
    // All is read to its end here, and what nobody catches fails the test.
    onClosed: () => ({ dispose: () => undefined }),
    onFailure: () => ({ dispose: () => undefined }),
    leave: code => void (left = code),
  }
  const done = run(argv, world).then(code => ({ code, ...written }))
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- a call is awaited for what came of it
    then: (fulfilled, rejected) => done.then(fulfilled, rejected),
    interrupt(signal = 'SIGINT') {
      for (const listener of listeners) listener(signal)
    },
    type: text => void keys.write(text),
    async told(text) {
      const found = (): boolean => {
        const all = written.out + written.err
        return typeof text === 'string' ? all.includes(text) : text.test(all)
      }
      const appeared = new Promise<void>(resolve => {
        const look = (): void => {
          if (!found()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
      const ended = done.then(({ code }) => {
        if (!found())
          throw new Error(`It ended with ${code} before it said ${String(text)}:\n${written.out}${written.err}`)
      })
      const late = AbortSignal.timeout(toldMs)
      const missed = new Promise<never>((_, reject) => {
        late.addEventListener('abort', () => {
          reject(new Error(`It did not say ${String(text)} in ${toldMs} ms:\n${written.out}${written.err}`))
        })
      })
      await Promise.race([appeared, ended, missed])
      return written.out + written.err
    },
    get out() {
      return written.out
    },
    get err() {
      return written.err
    },
    get left() {
      return left
    },
  }
}

/**
 * What came of a command line as a person sees it, columns and all: what is different in every run is replaced by something that is as
 * wide. `also` tells of more of that: a folder as `~`.
 */
export function seen({ code, out, err }: Called, also: Readonly<Record<string, string>> = {}): Called {
  const counts = new Map<string, string[]>()
  const numbered = (id: string, kind: string): string => {
    const known = counts.get(kind) ?? []
    counts.set(kind, known)
    if (!known.includes(id)) known.push(id)
    const number = String(known.indexOf(id) + 1)
    return kind === 'req' ? `req_${number}` : `${kind}_${number.padStart(id.length - kind.length - 1, '0')}`
  }
  const plain = (text: string): string =>
    Object.entries(also)
      .reduce((told, [what, as]) => told.replaceAll(what, as), text)
      .replaceAll(/\b(dep|rel|inst|evt|tok|task|whk|dlv|aud|req|ten)_[0-9a-z]{20,}/g, numbered)
      .replaceAll(
        /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g,
        (_, ms?: string) => `YYYY-MM-DDThh:mm:ss${ms ? '.mmm' : ''}Z`,
      )
      .replaceAll(/\b20\d\d-\d\d-\d\d\b/g, 'YYYY-MM-DD')
      .replaceAll(/\b\d\d:\d\d:\d\d\b/g, 'hh:mm:ss')
      .replaceAll(/(?<=127\.0\.0\.1:|localhost:)\d+/g, port => '#'.repeat(port.length))
      .replaceAll(/\bslip_[A-Za-z0-9_-]{20,}/g, 'slip_SECRET')
      .replaceAll(/\bwhsec_[A-Za-z0-9+/=]{20,}/g, 'whsec_SECRET')
      // A tenant in a sentence, or in a column that is as wide as its heading.
      .replaceAll(/\bt\d+\b( *)/g, (all, after: string) =>
        after.length > 2 ? 'acme'.padEnd(all.length) : `acme${after}`,
      )
  const together = plain(`${out}\0${err}`).split('\0')
  return { code, out: together[0] ?? '', err: together[1] ?? '' }
}

/** The clock of somebody who looks an hour later: what happened in this test was `1h` ago, however long it took. */
export const later: Calling = { now: () => Date.now() + 3_600_000 }

/**
 * What is different in every run, by words that are not: ids are numbered in the order they appear, times and ports are left out. So
 * an output can be compared to the letter.
 */
export function masked(text: string): string {
  const seen = new Map<string, string>()
  const counts = new Map<string, number>()
  return text
    .replaceAll(/\b(dep|rel|inst|evt|tok|task|whk|dlv|aud|req|ten)_[0-9a-z]{20,}/g, (id, kind: string) => {
      const known = seen.get(id)
      if (known !== undefined) return known
      const at = (counts.get(kind) ?? 0) + 1
      counts.set(kind, at)
      seen.set(id, `${kind}_${at}`)
      return `${kind}_${at}`
    })
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME')
    .replaceAll(/\b\d\d:\d\d:\d\d\b/g, 'hh:mm:ss')
    .replaceAll(/(127\.0\.0\.1|localhost):\d+/g, '$1:PORT')
    .replaceAll(/\bslip_[A-Za-z0-9_-]{20,}/g, 'slip_SECRET')
}
