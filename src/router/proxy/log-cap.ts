import { copyFileSync, statSync, truncateSync, writeSync } from 'node:fs'

const capBytes = 5_000_000
/** How much is written before the size is looked at again. */
const lookEveryBytes = 100_000

/** Moves what a log holds to `<log>.1` when it has grown too large. It is emptied, not replaced: whoever appends to it goes on. */
export function capLog(log: string): void {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (size <= capBytes) return
  copyFileSync(log, `${log}.1`)
  truncateSync(log)
}

/** Where the proxy's process writes its lines: standard error, which is the log. A full disk loses lines, and nothing else. */
export function cappedLog(log: string): { write(line: string): void } {
  let written = 0
  return {
    write: line => {
      try {
        writeSync(2, line)
        written += line.length
        if (written < lookEveryBytes) return
        written = 0
        capLog(log)
      } catch (error) {
        void error // because there is no other place to say it, and routes matter more than lines
      }
    },
  }
}
