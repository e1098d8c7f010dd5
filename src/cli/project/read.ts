import { readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { messageOf, SlipwayError } from '../../errors.ts'
import { largestFile } from './document.ts'
import { parseProject } from './parse.ts'
import { type Project, projectFileName } from './project.ts'

/** A project and the file it was read from. */
export interface ProjectFile {
  readonly project: Project
  /** The whole path. */
  readonly path: string
  /** The path as it is told: from the folder one is in. */
  readonly shown: string
}

/** What of the outside reading a project needs. */
interface Outside {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Reads a project file: this one, or `slipway.yaml` of the folder one is in or of one above it. Folders that images name are taken from
 * where the file stands.
 *
 * @throws ProjectError when it says something wrong, SlipwayError `not_found` when there is none
 */
export async function readProject(path: string | undefined, { cwd, env }: Outside): Promise<ProjectFile> {
  const found = path === undefined ? await findProject(cwd) : await fileIn(resolve(cwd, path))
  if (found === undefined) throw missing(path === undefined ? cwd : resolve(cwd, path), path !== undefined)
  const shown = relative(cwd, found) || found
  const project = parseProject(await textOf(found, shown), { env, file: shown })
  return { project: placed(project, dirname(found)), path: found, shown }
}

/** The project file of this folder, or of the nearest above it that has one. */
export async function findProject(folder: string): Promise<string | undefined> {
  const file = join(folder, projectFileName)
  if (await isFile(file)) return file
  const above = dirname(folder)
  return above === folder ? undefined : await findProject(above)
}

/** The project with the folders of its images told from the root, as the server may run somewhere else. */
export function placed(project: Project, folder: string): Project {
  return {
    ...project,
    services: project.services.map(service =>
      service.image.startsWith('file:') && service.image !== 'file:'
        ? { ...service, image: `file:${resolve(folder, service.image.slice('file:'.length))}` }
        : service,
    ),
  }
}

/** `-f` takes a folder as well. */
async function fileIn(path: string): Promise<string | undefined> {
  if (await isFile(path)) return path
  const inside = join(path, projectFileName)
  return (await isFile(inside)) ? inside : undefined
}

async function isFile(path: string): Promise<boolean> {
  try {
    const { mode } = await stat(path)
    // Pipes are read as well: `-f <(generate)`.
    return (mode & fileKinds) !== folderKind
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? '')) return false
    throw unreadable(path, error)
  }
}

const fileKinds = 0o170000
const folderKind = 0o040000
const absent: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

async function textOf(path: string, shown: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    if (bytes.length > largestFile) throw new Error(`it is larger than ${largestFile / 1024} kB`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw unreadable(shown, error)
  }
}

function unreadable(path: string, error: unknown): SlipwayError {
  return new SlipwayError('invalid_request', `${path} cannot be read: ${messageOf(error)}.`, {
    next: 'Look at the file and at who may read it.',
    cause: error,
  })
}

function missing(where: string, named: boolean): SlipwayError {
  return new SlipwayError(
    'not_found',
    named ? `There is no file ${where}.` : `There is no ${projectFileName} in ${where}, nor in a folder above it.`,
    { next: named ? 'Write one:  slipway init' : 'Write one:  slipway init, or name one with -f FILE' },
  )
}
