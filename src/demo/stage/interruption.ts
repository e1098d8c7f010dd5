/** Somebody wants the program to end before it is through. */
export class Interrupted extends Error {
  /** What a shell expects of a program that ended this way. */
  readonly exitCode: number

  constructor(by: string, exitCode: number) {
    super(`Interrupted by ${by}.`)
    this.exitCode = exitCode
  }
}

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
/** npm passes a terminal's Ctrl-C on, so that it arrives twice. */
const echoMs = 1000

/**
 * Aborted when the program is to end: by Ctrl-C, by a signal, because nobody reads its output any more, or because something threw that
 * nobody caught. There is one chance to clean up: a second Ctrl-C ends the process where it is.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  let firstAt = 0
  const end = (reason: Error): void => {
    if (controller.signal.aborted) {
      process.stderr.write(`While cleaning up: ${reason.stack ?? reason.message}\n`)
      return
    }
    firstAt = performance.now()
    controller.abort(reason)
  }
  for (const [name, exitCode] of Object.entries(signals)) {
    process.on(name, () => {
      if (!controller.signal.aborted) return end(new Interrupted(name, exitCode))
      if (performance.now() - firstAt < echoMs) return
      process.stderr.write('Ended at once; what was started may still run.\n')
      process.exit(exitCode)
    })
  }
  process.on('uncaughtException', end)
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: Error) => {
      // Where nobody reads, nobody needs to be told again.
      if (!controller.signal.aborted) end(new Interrupted(error.message, 141))
    })
  }
  return controller.signal
}

/** Rejects with the signal's reason once it is aborted. */
export function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason as Error)
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  return promise
}
