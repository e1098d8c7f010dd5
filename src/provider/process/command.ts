import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SlipwayError } from '../../errors.ts'
import type { RevisionSpec } from '../provider.ts'
import { installedProgram, sayCommand } from './npm/bin.ts'
import { npmPrefix } from './npm/name.ts'

/**
 * What to run: the service's command, else the image's, followed by the service's args. A folder says its command in `slipway.json`
 * (`{"command": ["node", "server.mjs"]}`), else by `bin` or `main` of its package.json, which Node runs; a package of npm by its `bin`.
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
    next: 'Give the service a command, or the image a slipway.json such as {"command": ["node", "server.mjs"]}.',
  })
}

function imageCommand(copy: string): readonly string[] | undefined {
  const own = json(join(copy, 'slipway.json'))
  if (own && isWords(own['command'])) return own['command']
  const manifest = json(join(copy, 'package.json'))
  if (!manifest) return undefined
  const entry = binOf(manifest) ?? manifest['main']
  return typeof entry === 'string' ? ['node', entry] : undefined
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
