import type { Readable, Writable } from 'node:stream'

/** Text that goes out: what the user sees, or what a pipe reads. */
export interface Output {
  write(text: string): void
  /** Whether a person sees it at once. */
  readonly isTty: boolean
  /** Characters in a line. */
  readonly columns: number
  /** Lines that can be seen. */
  readonly rows: number
  /** The stream itself, for what draws in place or asks. */
  readonly stream: Writable
}

/** Text that comes in. */
export interface Input {
  readonly isTty: boolean
  readonly stream: Readable & { setRawMode?(mode: boolean): unknown }
}

/** All that a command knows of the outside. Commands never touch `process`, so tests run them where they are. */
export interface World {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: Input
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder it was called in. */
  readonly cwd: string
  /** The user's own folder. */
  readonly home: string
  /** The time now, milliseconds since 1970. */
  now(): number
  /** Calls back on every Ctrl-C (SIGINT), SIGTERM or SIGHUP, until it is disposed of. Without a listener the process ends as processes do. */
  onInterrupt(listener: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void): { dispose(): void }
  /** Calls back when something is written and nobody reads it any more. Without a listener the process ends at once, and well. */
  onClosed(listener: () => void): { dispose(): void }
  /** Calls back when something throws that nobody catches. Without a listener the process ends as processes do. */
  onFailure(listener: (error: Error) => void): { dispose(): void }
  /** Ends the process at once, whatever is still open. */
  leave(code: number): void
}
