import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import type { Draft } from '../init/draft.ts'
import { draftFor } from '../init/drafts.ts'
import { parseProject } from '../project/parse.ts'
import { projectFileName } from '../project/project.ts'
import { projectText } from '../project/write.ts'
import { Refusal } from '../refusal.ts'
import { shown } from '../shown.ts'

interface Options {
  readonly from?: string
  readonly name?: string
  readonly image?: string
  readonly command?: string
  readonly port?: boolean | string
  readonly replicas?: string
  readonly force?: boolean
}

/** `slipway init` */
export const init: CommandFile = {
  declare(command) {
    command
      .option('--from <file>', 'the compose file or package.json to make it from; default: the one in this folder')
      .option('--name <name>', 'what the instance is called; default: what the file or the folder is called')
      .option('--image <image>', 'what to run: file:FOLDER or npm:NAME@VERSION, instead of looking for a file')
      .option('--command <command>', 'with --image: the command that it runs')
      .option('--port <number>', 'with --image: the port inside a container')
      .option('--no-port', 'with --image: it listens on no port')
      .option('--replicas <count>', 'with --image: how many of it run')
      .option('--force', 'write over a slipway.yaml that is there')
    examples(command, 'slipway init', 'slipway init --from compose.yaml', 'slipway init --name shop --image file:.')
  },
  async perform(cli, _args, options: Options) {
    const { from, name, image, command, port, replicas, force = false } = options
    const path = join(cli.world.cwd, projectFileName)
    if (!force && existsSync(path)) throw alreadyThere()
    const draft = await draftFor(
      {
        ...(from === undefined ? {} : { from }),
        ...(name === undefined ? {} : { name }),
        ...(image === undefined ? {} : { image }),
        ...(command === undefined ? {} : { command }),
        ...(port === undefined ? {} : { port: typeof port === 'string' ? numberOf('--port', port) : port }),
        ...(replicas === undefined ? {} : { replicas: numberOf('--replicas', replicas) }),
      },
      cli.world,
    )
    await write(draft, path, force)
    tell(draft, cli)
    return exit.done
  },
}

function numberOf(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Refusal(exit.usage, 'usage', `${flag} takes a whole number, not ${JSON.stringify(text)}.`, 'See --help')
}

async function write({ project, from, notes }: Draft, path: string, force: boolean): Promise<void> {
  const text = projectText(project, { interpolated: true, notes: [`Made from ${from}.`, ...notes].map(shown) })
  // Whatever it was made from, what is written can be read. What comes from the environment is there when it is read.
  parseProject(text, { env: new Proxy({}, { get: () => 'x' }) })
  try {
    await writeFile(path, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new Refusal(exit.unexpected, 'not_written', `${path} cannot be written: ${messageOf(error)}.`)
    }
    throw alreadyThere()
  }
}

function alreadyThere(): Refusal {
  return new Refusal(
    exit.conflict,
    'already_exists',
    `There is a ${projectFileName} in this folder already; it was left as it is.`,
    `Deploy it:      slipway deploy -f ${projectFileName}`,
    'Write over it:  slipway init --force',
  )
}

function tell({ project, from, notes }: Draft, cli: Cli): void {
  if (cli.json) {
    cli.printJson({ file: join(cli.world.cwd, projectFileName), from, notes, project })
    return
  }
  const style = cli.storyStyle
  const names = project.services.map(({ name }) => name).join(', ')
  cli.tell(
    `${style.mood('good', style.glyph('good'))} Wrote ${projectFileName}: ${project.name} with ${names} (from ${shown(from)})`,
  )
  for (const note of notes) cli.tell(`  ${style.mood('waiting', style.glyph('waiting'))} ${shown(note)}`)
  cli.tell('  Next:  slipway deploy -f slipway.yaml')
}
