import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { messageOf } from '../../errors.ts'
import { imageCommand } from '../../provider/process/command.ts'
import { commandFrom } from '../../provider/process/command-line.ts'
import { entriesOf, textsOf } from './compose-values.ts'

/** What a folder that is to be run says of itself. */
export interface FolderLook {
  /** What has to be said beside it, because the folder or its Dockerfile does not get there by itself. */
  readonly command?: readonly string[]
  /** What keeps it from coming up as it is, a sentence each. */
  readonly notes: readonly string[]
}

/** What is said beside it already. */
export interface LookTerms {
  /** What it is to run. */
  readonly command?: readonly string[] | undefined
  /** The Dockerfile that it is built with. */
  readonly dockerfile?: string | undefined
}

/** What a folder is called in a file that stands in another one: `./web`. */
export function placeOf(standing: string, folder: string): string {
  const way = relative(resolve(standing), folder)
  if (way === '') return '.'
  return way.startsWith('..') ? way : `./${way}`
}

/** Looks at what a folder runs, as `where` it is called, without running anything. */
export function lookInto(
  folder: string,
  where: string,
  { command, dockerfile = 'Dockerfile' }: LookTerms = {},
): FolderLook {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    return { notes: [`There is no folder ${where} yet.`] }
  if (command) return { notes: [...notInstalled(folder, where), ...missing(folder, command)] }
  let own: readonly string[] | undefined
  try {
    own = imageCommand(folder)
  } catch (error) {
    return { notes: [messageOf(error)] }
  }
  const notes = notInstalled(folder, where)
  if (own && (existsSync(join(folder, 'slipway.json')) || startScript(folder)))
    return { notes: [...notes, ...missing(folder, own)] }
  const built = dockerCommand(join(folder, dockerfile))
  if (built) {
    const [only, ...others] = missing(folder, built)
    return {
      command: built,
      notes: [...notes, only ?? `Its command is the one of ${dockerfile}, of which nothing else is read.`, ...others],
    }
  }
  if (own) return { notes: [...notes, ...missing(folder, own)] }
  return {
    notes: [
      ...notes,
      `Nothing in ${where} says what to run: give it a \`command\`, or a package.json with a script "start".`,
    ],
  }
}

/** Whether its package.json has a script `start`. */
export function startScript(folder: string): boolean {
  return textsOf(entriesOf(manifestOf(folder)['scripts'])['start']).some(text => text.trim() !== '')
}

function notInstalled(folder: string, where: string): string[] {
  if (Object.keys(entriesOf(manifestOf(folder)['dependencies'])).length === 0) return []
  if (existsSync(join(folder, 'node_modules'))) return []
  return [`What is deployed is ${where} as it is, and its packages are not there: install them first.`]
}

/** A program of Node that is not there, as before it was built. */
function missing(folder: string, [program, file]: readonly string[]): string[] {
  if (program !== 'node' || file === undefined || file.startsWith('-')) return []
  return [file, `${file}.js`, join(file, 'index.js')].some(name => existsSync(join(folder, name)))
    ? []
    : [`It runs ${file}, which is not there: build it first, or say another \`command\`.`]
}

function manifestOf(folder: string): Readonly<Record<string, unknown>> {
  try {
    return entriesOf(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
  } catch (error) {
    void error // because a package.json that can't be read has been told of by who looks for the command
    return {}
  }
}

/** What the last stage of a Dockerfile runs. */
function dockerCommand(file: string): readonly string[] | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    void error // because a folder needs no Dockerfile
    return undefined
  }
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
  const stage = lines.slice(lines.findLastIndex(line => /^\s*FROM\s/i.test(line)) + 1)
  const words = [...said('ENTRYPOINT', stage), ...said('CMD', stage)]
  return words.length === 0 ? undefined : words
}

function said(instruction: string, lines: readonly string[]): string[] {
  const form = new RegExp(`^\\s*${instruction}\\s+(.+?)\\s*$`, 'i')
  const [, given] = form.exec(lines.findLast(line => form.test(line)) ?? '') ?? []
  if (given === undefined) return []
  try {
    const list: unknown = JSON.parse(given)
    if (Array.isArray(list)) return list.flatMap(textsOf)
  } catch (error) {
    void error // because what is no list is a line of a shell
  }
  return commandFrom(given)
}
