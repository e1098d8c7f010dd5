import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SlipwayError } from '../../errors.ts'
import type { RevisionSpec } from '../provider.ts'
import { commandFrom } from './command-line.ts'
import { installedProgram, sayCommand } from './npm/bin.ts'
import { npmPrefix } from './npm/name.ts'

/**
 * What to run: the service's command, else the image's, followed by the service's args. A folder says its command in `slipway.json`
 * (`{"command": ["node", "server.mjs"]}`), else by its package.json: the script `start`, as `npm start` would run it but without npm, else `bin`
 * or `main`, which Node runs; a package of npm says it by its `bin`.
 * Throws `image_unavailable` when nobody says.
 */
export function commandOf(revision: Pick<RevisionSpec, 'command' | 'args' | 'image'>, copy: string): string[] {
  const command = revision.command?.length ? revision.command : defaultCommand(revision.image, copy)
  return [...command, ...(revision.args ?? [])]
}

function defaultCommand(image: string, copy: string): readonly string[] {
  if (image.startsWith(npmPrefix)) {
    const program = installedProgram(image, copy)
    if ('command' in program) return program.command
    throw new SlipwayError('image_unavailable', program.missing, { next: sayCommand })
  }
  const command = imageCommand(copy)
  if (command) return command
  throw new SlipwayError('image_unavailable', `The image ${image} does not say what to run.`, {
    next: 'Give the service a command, or the image a package.json with a script "start" or a slipway.json such as {"command": ["node", "server.mjs"]}.',
  })
}

/** What a folder says to run, if it says so. Throws `image_unavailable` when what would say it is not JSON. */
export function imageCommand(copy: string): readonly string[] | undefined {
  const own = json(join(copy, 'slipway.json'))
  if (own && isWords(own['command'])) return own['command']
  const manifest = json(join(copy, 'package.json'))
  if (!manifest) return undefined
  const start = startOf(manifest)
  if (start) return start
  const entry = binOf(manifest) ?? manifest['main']
  return typeof entry === 'string' ? ['node', entry] : undefined
}

/**
 * An application says by its script how it starts; `main` may be what `npm init` wrote once. npm itself stays out of it: it is a
 * second Node beside each replica, passes on a SIGTERM that the whole group has had already, and tells another exit code. What a shell expands is left to one.
 */
function startOf({ scripts }: Record<string, unknown>): readonly string[] | undefined {
  const start =
    typeof scripts === 'object' && scripts !== null ? (scripts as Record<string, unknown>)['start'] : undefined
  if (typeof start !== 'string' || start.trim() === '') return undefined
  return start.includes('$') ? ['sh', '-c', start] : commandFrom(start)
}

function binOf(manifest: Record<string, unknown>): unknown {
  const { bin, name } = manifest
  if (typeof bin !== 'object' || bin === null) return bin
  const commands = bin as Record<string, unknown>
  const own = typeof name === 'string' ? name.slice(name.lastIndexOf('/') + 1) : ''
  return commands[own] ?? Object.values(commands)[0]
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every(word => typeof word === 'string')
}

function json(file: string): Record<string, unknown> | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch (error) {
    throw new SlipwayError('image_unavailable', `${file} is not JSON.`, {
      next: 'Mend the file and deploy again.',
      cause: error,
    })
  }
}
