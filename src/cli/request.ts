import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Client, DeployRequest, Instance } from '../client/index.ts'
import type { Cli } from './cli.ts'
import { exit } from './exit.ts'
import { findRelease } from './find.ts'
import { Refusal } from './refusal.ts'
import { all } from './values.ts'

/** What a deploy is asked for by flags. */
export interface RequestFlags {
  readonly image?: readonly string[]
  readonly strategy?: string
  readonly option?: readonly string[]
  readonly notes?: string
  readonly commit?: string
  readonly expectRelease?: string
  readonly queue?: boolean
  readonly reject?: boolean
  readonly supersede?: boolean
}

/** Declares them. */
export function requestOptions(command: Command): Command {
  return command
    .option(
      '-i, --image <service=image>',
      'the image of a service, repeatable; only the image when there is one service',
      all,
    )
    .option(
      '-s, --strategy <name>',
      'rolling, blue-green, canary, recreate (default: what the instance says, else rolling)',
    )
    .option(
      '-o, --option <name=value>',
      'an option of the strategy, repeatable: steps=[10,50,100], hold-seconds=30',
      all,
    )
    .option('--notes <text>', 'what people should know about it')
    .option('--commit <sha>', 'the commit it was built from (in GitHub Actions: GITHUB_SHA)')
    .option('--expect-release <release>', 'only when this release is active: its id, or v41')
    .addOption(new Option('--queue', 'when the instance is busy: wait for its turn').conflicts(['reject', 'supersede']))
    .addOption(new Option('--reject', 'when the instance is busy: end with 6').conflicts('supersede'))
    .option('--supersede', 'when the instance is busy: undo what runs, and take its place')
}

/** The request that the flags make. Throws a `Refusal` for what can't be meant. */
export async function requestOf(
  cli: Cli,
  client: Client,
  instance: Instance,
  flags: RequestFlags,
): Promise<DeployRequest> {
  const services = imagesOf(flags.image ?? [], instance, cli.world.cwd)
  return { services, ...(await termsOf(cli, client, instance, flags)) }
}

/** All that the flags say beside the images. Of an instance that is not there yet no release is expected. */
export async function termsOf(
  cli: Cli,
  client: Client,
  instance: Instance | undefined,
  flags: RequestFlags,
): Promise<Omit<DeployRequest, 'services'>> {
  const { strategy, notes, expectRelease } = flags
  const commit = flags.commit ?? (cli.world.env['GITHUB_SHA'] || undefined)
  const options = optionsOf(flags.option ?? [])
  const busy = busyOf(flags)
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(notes === undefined ? {} : { notes }),
    ...(commit === undefined ? {} : { commit_sha: commit }),
    ...(expectRelease === undefined || instance === undefined
      ? {}
      : { expect_release: await findRelease(client, instance, expectRelease, { signal: cli.signal }) }),
    ...(busy === undefined ? {} : { if_busy: busy }),
  }
}

/** What is done when the instance is busy. */
export function busyOf({ queue, reject, supersede }: RequestFlags): 'queue' | 'reject' | 'supersede' | undefined {
  if (queue) return 'queue'
  if (reject) return 'reject'
  return supersede ? 'supersede' : undefined
}

/** The images of services: `web=shop:2`, or `shop:2` of an instance with one service. Folders are taken from where one is. */
export function imagesOf(
  given: readonly string[],
  instance: Pick<Instance, 'name' | 'services'>,
  cwd: string,
): DeployRequest['services'] {
  const names = instance.services.map(({ name }) => name)
  if (given.length === 0) {
    const [first = 'web'] = names
    throw new Refusal(
      exit.usage,
      'no_image',
      'Nothing is named that should be deployed.',
      `Name it:  --image ${names.length === 1 ? '' : `${first}=`}IMAGE`,
    )
  }
  return given.map(text => {
    const [, name, image = text] = /^([a-z][a-z0-9-]*)=(.*)$/s.exec(text) ?? []
    if (name !== undefined) return { name, image: placed(image, cwd) }
    const [only, ...others] = names
    if (only !== undefined && others.length === 0) return { name: only, image: placed(image, cwd) }
    throw new Refusal(
      exit.usage,
      'which_service',
      `${instance.name} has ${names.length} services, and --image ${text} does not say which.`,
      `Say it:  ${names.map(name => `--image ${name}=${text}`).join('  or  ')}`,
    )
  })
}

/** Options of a strategy: names as they are written with dashes become those of the API; a value is JSON, else text. */
export function optionsOf(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    given.map(text => {
      const [, name, value = ''] = /^([A-Za-z][A-Za-z0-9_-]*)=(.*)$/s.exec(text) ?? []
      if (name !== undefined)
        return [name.replaceAll(/[-_]+([a-z0-9])/g, (_, next: string) => next.toUpperCase()), valueOf(value)]
      throw new Refusal(
        exit.usage,
        'bad_option',
        `--option ${text} is not a name and a value.`,
        'It looks like:  --option hold-seconds=30',
      )
    }),
  )
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    void error // because what is not JSON is meant as text
    return text
  }
}

/** The server may run in another folder than who calls it. */
function placed(image: string, cwd: string): string {
  return image.startsWith('file:') ? `file:${resolve(cwd, image.slice('file:'.length))}` : image
}
