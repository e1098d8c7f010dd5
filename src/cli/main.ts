import { homedir } from 'node:os'
import type { WriteStream } from 'node:tty'
import { run } from './run.ts'
import type { Output, World } from './world.ts'

process.exitCode = await run(process.argv.slice(2), worldOf())

function worldOf(): World {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: { isTty: process.stdin.isTTY, stream: process.stdin },
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    now: Date.now,
    onInterrupt(listener) {
      process.on('SIGINT', listener).on('SIGTERM', listener)
      return { dispose: () => void process.off('SIGINT', listener).off('SIGTERM', listener) }
    },
  }
}

function outputOf(stream: WriteStream): Output {
  // Who reads may stop reading, as `head` does: what is left has nowhere to go, and that is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
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
