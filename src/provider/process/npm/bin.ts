import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { imageGone } from '../gone.ts'
import { packageName } from './name.ts'

/** What a package runs when nobody says: its program, from the image's folder, or why there is none to choose. */
export type Program = { readonly command: readonly [string] } | { readonly missing: string }

/**
 * The one program of a package, or the one that is named like it. It is run as it is: what its first line names, which for most is the
 * `node` on PATH, runs it.
 */
export function programOf(name: string, bin: unknown): Program {
  const own = name.slice(name.lastIndexOf('/') + 1)
  const programs = programsOf(own, bin)
  const [only, ...others] = Object.keys(programs)
  const chosen = programs[own] ?? (only !== undefined && others.length === 0 ? programs[only] : undefined)
  if (chosen !== undefined) return { command: [posix.join('node_modules', name, posix.join('/', chosen))] }
  if (only === undefined) return { missing: `The package ${name} has no program to run.` }
  const names = Object.keys(programs).join(', ')
  return { missing: `The package ${name} has several programs and none of its own name: ${names}.` }
}

/** What to do when {@link programOf} found none. */
export const sayCommand =
  'Give the service a command, such as ["node_modules/.bin/<program>"] or ["node", "node_modules/<package>/server.js"].'

/** The program of an image that is installed in this folder. Throws `image_gone` when the package is not there. */
export function installedProgram(image: string, folder: string): Program {
  const { name } = packageName(image)
  const file = join(folder, 'node_modules', name, 'package.json')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw imageGone(image)
    throw error
  }
  return programOf(name, (JSON.parse(text) as Record<string, unknown>)['bin'])
}

function programsOf(own: string, bin: unknown): Readonly<Record<string, string>> {
  if (typeof bin === 'string') return { [own]: bin }
  if (typeof bin !== 'object' || bin === null) return {}
  return Object.fromEntries(
    Object.entries(bin).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
