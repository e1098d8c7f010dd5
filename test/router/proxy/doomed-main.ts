import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// The new process of a hand-over in which one of those involved is killed: at a message, by whoever hears or says it.

/** Who is killed, and when: before or after the new process says something, or as it hears something. */
export interface Doom {
  readonly at: string
  /** `new` and `old` are known here. */
  readonly victim: 'new' | 'old' | number
}

const state = process.argv[process.argv.indexOf('--state') + 1] ?? ''
const doom = JSON.parse(readFileSync(join(state, 'doom.json'), 'utf8')) as Doom
const victims = { new: process.pid, old: process.ppid }
const victim = typeof doom.victim === 'number' ? doom.victim : victims[doom.victim]
let done = false

function pass(how: string, message: unknown): void {
  if (done || `${how} ${(message as { type: string }).type}` !== doom.at) return
  done = true
  process.kill(victim, 'SIGKILL')
}

process.on('message', message => pass('heard', message))
const send = process.send?.bind(process)
process.send = (message: unknown, _handle?: unknown, _options?: unknown, told?: (error: Error | null) => void) => {
  pass('say', message)
  return (
    send?.(message, undefined, undefined, error => {
      pass('said', message)
      told?.(error)
    }) ?? false
  )
}
await import('../../../src/router/proxy/main.ts')
