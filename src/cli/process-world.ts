import { homedir } from 'node:os'
import type { WriteStream } from 'node:tty'
import type { Output, World } from './world.ts'

/** The outside of this process. Make it once: it listens to what becomes of stdout and stderr. */
export function processWorld(): World {
  const closed = new Set<() => void>()
  return {
    stdout: outputOf(process.stdout, closed),
    stderr: outputOf(process.stderr, closed),
    stdin: { isTty: process.stdin.isTTY, stream: process.stdin },
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    now: Date.now,
    onInterrupt(listener) {
      process.on('SIGINT', listener).on('SIGTERM', listener).on('SIGHUP', listener)
      return {
        dispose: () => void process.off('SIGINT', listener).off('SIGTERM', listener).off('SIGHUP', listener),
      }
    },
    onClosed(listener) {
      closed.add(listener)
      return { dispose: () => void closed.delete(listener) }
    },
    onFailure(listener) {
      process.on('uncaughtException', listener)
      return { dispose: () => void process.off('uncaughtException', listener) }
    },
    leave: code => process.exit(code),
  }
}

function outputOf(stream: WriteStream, closed: ReadonlySet<() => void>): Output {
  // Who reads may stop reading, as `head` does: what is left has nowhere to go, and that is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    if (closed.size === 0) process.exit(0)
    for (const listener of closed) listener()
  })
  return {
    write: text => void stream.write(text),
    get isTty() {
      return stream.isTTY
    },
    get columns() {
      return stream.columns || 80
    },
    get rows() {
      return stream.rows || 24
    },
    stream,
  }
}
