import { resolve } from 'node:path'
import type { Project } from '../project/project.ts'
import { composeCheck, milliseconds, portAskedBy } from './compose-check.ts'
import { commandsOf } from './compose-command.ts'
import { environmentOf, hostsIn, interpolation, readdressed } from './compose-env.ts'
import { contextOf } from './compose-left-out.ts'
import { entriesOf, textsOf } from './compose-values.ts'
import { lookInto, placeOf, startScript } from './folder.ts'

type Service = Project['services'][number]
type Given = Readonly<Record<string, unknown>>

/** Keys that are carried over, or are done here without being asked. */
const known = new Set(
  'image build command entrypoint environment ports expose depends_on healthcheck deploy scale stop_grace_period restart'.split(
    ' ',
  ),
)

/** What a service has to know of what is around it. */
export interface Around {
  /** Services that are carried over, by the name that the compose file has for them. */
  readonly names: ReadonlyMap<string, string>
  /** All there are in the compose file. */
  readonly all: readonly string[]
  /** The port at which others reach it, where they do. */
  readonly reachedAt?: number | undefined
  /** Where folders are taken from: that of the compose file, and that of the project file. */
  readonly base: string
  readonly cwd: string
  /** Told what is lost, or has to be done. */
  note(sentence: string): void
}

/** A service of a compose file as a service of ours. */
export function composeService(
  name: string,
  given: Given,
  around: Around,
): { readonly service: Service; readonly published: boolean } {
  const note = (sentence: string): void => around.note(`${name}: ${sentence}`)
  tellLost(given, note)
  const deploy = entriesOf(given['deploy'])
  const { image, ...run } = program(given, around, note)
  const ports = portsOf(given, around.reachedAt, note)
  const env = environment(given, around, note)
  const needs = dependencies(given['depends_on']).flatMap(other => around.names.get(other) ?? [])
  const check = composeCheck(entriesOf(given['healthcheck']), ports.length > 0)
  const [replicas] = [deploy['replicas'], given['scale']]
    .map(Number)
    .filter(count => Number.isInteger(count) && count > 0)
  const grace = milliseconds(given['stop_grace_period'])
  const fixed = ports.flatMap(({ number }) => number ?? [])
  if (fixed.length > 0 && env['PORT'] === undefined)
    note(`it has to listen on the port that it finds in $PORT; on ${fixed.join(', ')} nobody asks it here.`)
  const service: Service = {
    name: around.names.get(name) ?? name,
    image,
    ...run,
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(ports.length > 0 ? { ports } : {}),
    ...(check ? { health_check: check } : {}),
    ...(needs.length > 0 ? { depends_on: needs } : {}),
    ...(replicas === undefined ? {} : { replicas: Math.min(replicas, 1000) }),
    ...(grace === undefined ? {} : { grace_ms: grace }),
  }
  return { service, published: Array.isArray(given['ports']) && ports.length > 0 }
}

function tellLost(given: Given, note: (sentence: string) => void): void {
  const lost = Object.keys(given).filter(key => !known.has(key) && !key.startsWith('x-'))
  lost.push(...Object.keys(entriesOf(given['deploy'])).flatMap(key => (key === 'replicas' ? [] : [`deploy.${key}`])))
  if (lost.length > 0) note(`${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} not carried over.`)
  if (lost.includes('volumes')) note('what it keeps belongs into the folder that $DATA names; it outlives releases.')
  if (lost.includes('env_file')) note('say what its env_file has under `env`, or store it with `slipway secrets set`.')
  if (lost.includes('secrets')) note('store secrets with `slipway secrets set`, and name them under `secrets`.')
}

function program(
  given: Given,
  { base, cwd }: Around,
  note: (sentence: string) => void,
): Pick<Service, 'image' | 'command' | 'args'> {
  const { build, image } = given
  const run = commandsOf(given)
  const [text] = textsOf(image)
  if (build === undefined && text !== undefined) return { image: interpolation(text), ...run }
  if (build === undefined) note('it has neither `build` nor `image`: this folder is taken for it.')
  const [context = '.'] = contextOf(build)
  const folder = resolve(base, context)
  const where = placeOf(cwd, folder)
  const placed = `file:${context.includes('$') ? interpolation(context) : where}`
  // npm would pass on the SIGTERM that the program has had already: the script itself is what runs.
  if (startScript(folder) && isNpmStart(run)) return { image: placed }
  if (context.includes('$')) return { image: placed, ...run }
  const [dockerfile] = textsOf(entriesOf(build)['dockerfile'])
  const { command, notes } = lookInto(folder, where, { command: run.command, dockerfile })
  for (const sentence of notes) note(sentence.charAt(0).toLowerCase() + sentence.slice(1))
  return { image: placed, ...(command ? { command: [...command] } : {}), ...run }
}

function isNpmStart({ command = [], args = [] }: Pick<Service, 'command' | 'args'>): boolean {
  return args.length === 0 && /^(?:npm|yarn|pnpm) (?:run )?start$/.test(command.join(' '))
}

function environment(given: Given, { names, all }: Around, note: (sentence: string) => void): Record<string, string> {
  const env = environmentOf(given['environment'], note)
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => {
      const moved = readdressed(value, names)
      for (const host of hostsIn(name, moved, all))
        note(`${name} names ${host}, which is no host name here: say its address.`)
      return [name, moved]
    }),
  )
}

function portsOf(
  given: Given,
  reachedAt: number | undefined,
  note: (sentence: string) => void,
): NonNullable<Service['ports']> {
  const written = [given['ports'], given['expose']]
    .flatMap(list => (Array.isArray(list) ? (list as unknown[]) : []))
    .flatMap(port =>
      textsOf(entriesOf(port)['target'] ?? port).map(text => [text, entriesOf(port)['protocol']] as const),
    )
  const targets = written.flatMap(([text, protocol]) => {
    const number = Number(
      text
        .replace(/\/tcp$/, '')
        .split(':')
        .at(-1),
    )
    if (protocol !== 'udp' && Number.isInteger(number) && number > 0 && number < 65_536) return [number]
    note(`its port ${text} is not carried over: ports are single ones of TCP.`)
    return []
  })
  const asked = portAskedBy(entriesOf(given['healthcheck'])) ?? reachedAt
  if (targets.length === 0 && asked !== undefined) targets.push(asked)
  return [...new Set(targets)].slice(0, 20).map((number, n) => ({ name: n === 0 ? 'http' : `port-${number}`, number }))
}

function dependencies(given: unknown): string[] {
  return Array.isArray(given) ? given.flatMap(textsOf) : Object.keys(entriesOf(given))
}
