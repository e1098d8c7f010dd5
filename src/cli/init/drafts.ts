import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { messageOf } from '../../errors.ts'
import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'
import type { World } from '../world.ts'
import { ask } from './ask.ts'
import type { Draft } from './draft.ts'
import { type Answers, fromAnswers } from './from-answers.ts'
import { fromCompose } from './from-compose.ts'
import { fromPackage } from './from-package.ts'

/** What a project can be made from, the better first. */
const sources = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml', 'package.json']

/** What flags say. */
export interface Given extends Partial<Answers> {
  /** The file to make it from. */
  readonly from?: string
}

/** A project for what is in this folder: as flags say, from a file that describes it, or by asking. */
export async function draftFor(given: Given, world: World): Promise<Draft> {
  const draft = await found(given, world)
  return given.name === undefined ? draft : { ...draft, project: { ...draft.project, name: given.name } }
}

async function found({ from, image, ...more }: Given, world: World): Promise<Draft> {
  const { cwd, stdin, stderr } = world
  if (from !== undefined && image !== undefined) {
    throw new Refusal(exit.usage, 'usage', '--from and --image say two different things.', 'Take one of them.')
  }
  if (image !== undefined) return fromAnswers({ ...more, image }, cwd)
  for (const name of from === undefined ? sources : [from]) {
    const text = await textOf(resolve(cwd, name), from !== undefined)
    if (text === undefined) continue
    if (!name.endsWith('.json')) return fromCompose(text, name, cwd)
    // A package.json that starts nothing is no reason not to ask; one that was named is.
    if (from !== undefined || startsSomething(text)) return fromPackage(text, name, cwd)
  }
  if (stdin.isTty && stderr.isTty) return fromAnswers({ ...(await ask(world)), ...present(more) }, cwd)
  throw new Refusal(
    exit.usage,
    'nothing_found',
    `${basename(cwd) || cwd} has no compose file and no package.json with a script "start", and there is no terminal to ask on.`,
    'Say what to run:  slipway init --name NAME --image file:. --command "node server.js"',
    'Or from where:    slipway init --from FILE',
  )
}

function present<T extends object>(answers: T): Partial<T> {
  return Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== undefined)) as Partial<T>
}

function startsSomething(text: string): boolean {
  // Whether it is JSON at all is told by who reads it in earnest.
  return /"start"\s*:/.test(text)
}

async function textOf(path: string, named: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (absent && !named) return undefined
    throw new Refusal(
      absent ? exit.notFound : exit.usage,
      absent ? 'not_found' : 'unreadable',
      absent ? `There is no file ${path}.` : `${path} cannot be read: ${messageOf(error)}.`,
      'Name another one with --from FILE',
    )
  }
}
