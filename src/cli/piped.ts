import type { Cli } from './cli.ts'

/** All that comes in from a pipe. Rejects when the command is interrupted. */
export async function piped({ world: { stdin }, signal }: Cli): Promise<Buffer> {
  const { stream } = stdin
  const stop = (): void => void stream.destroy()
  signal.addEventListener('abort', stop)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array | string))
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  signal.throwIfAborted()
  return Buffer.concat(chunks)
}
