import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Piece, Size } from './screen.ts'

const runner = fileURLToPath(new URL('../terminal.py', import.meta.url))

/** Runs a command on a terminal of this size to its end, and gives what it wrote. Throws when it fails. */
export async function recorded(command: readonly string[], { columns, rows }: Size, cwd: string): Promise<Piece[]> {
  const { NO_COLOR: _, ...env } = process.env
  const child = spawn('python3', [runner, String(columns), String(rows), 'terminal', ...command], {
    cwd,
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const began = performance.now()
  const pieces: Piece[] = []
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => void pieces.push({ atMs: performance.now() - began, text }))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code === 0) return pieces
  throw new Error(`${command.join(' ')} ended with ${code}:\n${pieces.map(({ text }) => text).join('')}`)
}
