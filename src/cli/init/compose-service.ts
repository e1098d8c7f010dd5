import type { Project } from '../project/project.ts'
import { composeCheck, milliseconds } from './compose-check.ts'
import { entriesOf, textsOf } from './compose-values.ts'
import { commandFrom } from './draft.ts'

type Service = Project['services'][number]

/** Keys that are carried over, or are done here without being asked. */
const known = new Set(
  'image build command entrypoint environment ports expose depends_on healthcheck deploy scale stop_grace_period restart'.split(
    ' ',
  ),
)

/** A service of a compose file as a service of ours. `note` is told what is lost. */
export function composeService(
  name: string,
  given: Readonly<Record<string, unknown>>,
  names: ReadonlyMap<string, string>,
  note: (sentence: string) => void,
): { readonly service: Service; readonly published: boolean } {
  const lost = Object.keys(given).filter(key => !known.has(key) && !key.startsWith('x-'))
  const deploy = entriesOf(given['deploy'])
  lost.push(...Object.keys(deploy).flatMap(key => (key === 'replicas' ? [] : [`deploy.${key}`])))
  if (lost.length > 0) note(`${name}: ${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} not carried over.`)
  if (lost.includes('volumes'))
    note(`${name}: what it keeps belongs into the folder that $DATA names; it outlives releases.`)
  if (lost.includes('secrets'))
    note(`${name}: store secrets with \`slipway secrets\`, and name them under \`secrets\`.`)
  const run = commands(given)
  const ports = portsOf(given)
  const env = environment(given['environment'])
  const needs = dependencies(given['depends_on']).map(other => names.get(other) ?? other)
  const check = composeCheck(entriesOf(given['healthcheck']), ports.length > 0)
  const [replicas] = [deploy['replicas'], given['scale']]
    .map(Number)
    .filter(count => Number.isInteger(count) && count > 0)
  const grace = milliseconds(given['stop_grace_period'])
  const service: Service = {
    name,
    image: imageOf(name, given, run.command !== undefined, note),
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

function imageOf(
  name: string,
  { build, image }: Readonly<Record<string, unknown>>,
  hasCommand: boolean,
  note: (sentence: string) => void,
): string {
  const [context = '.'] = typeof build === 'string' ? [build] : textsOf(entriesOf(build)['context'])
  if (build !== undefined) {
    if (!hasCommand) note(`${name}: its Dockerfile is not read; say under \`command\` what it runs.`)
    return `file:${context}`
  }
  const [text = ''] = textsOf(image)
  note(
    `${name}: ${text || 'it has no image, which'} comes from a registry of containers; processes are of a folder (file:) or a package (npm:).`,
  )
  return text === '' ? 'file:.' : interpolation(text)
}

function commands({ command, entrypoint }: Readonly<Record<string, unknown>>): Pick<Service, 'command' | 'args'> {
  const [first, second] = [entrypoint, command].map(words)
  if (first && second) return { command: first, args: second }
  const only = first ?? second
  return only ? { command: only } : {}
}

function words(given: unknown): string[] | undefined {
  const list = Array.isArray(given) ? given.flatMap(textsOf) : textsOf(given).flatMap(commandFrom)
  // To compose `$$` is a dollar sign; to us, where the service runs, `$NAME` of what has no meaning stays as it is.
  return list.length === 0 ? undefined : list.map(word => word.replaceAll('$$', '$'))
}

function environment(given: unknown): Record<string, string> {
  const pairs = Array.isArray(given)
    ? given.flatMap(textsOf).map(entry => {
        const at = entry.indexOf('=')
        return at < 0 ? ([entry, undefined] as const) : ([entry.slice(0, at), entry.slice(at + 1)] as const)
      })
    : Object.entries(entriesOf(given)).map(([name, value]) => [name, textsOf(value)[0]] as const)
  return Object.fromEntries(
    pairs
      .filter(([name]) => /^[A-Za-z_]\w{0,254}$/.test(name))
      .map(([name, value]) => [name, value === undefined ? `\${${name}}` : interpolation(value)]),
  )
}

/** What compose fills in, in the form in which a project file does: it knows braces only, and one kind of default. */
function interpolation(text: string): string {
  return text.replaceAll(
    /\$(?:\$|(?<bare>[A-Za-z_]\w*)|\{(?<name>[A-Za-z_]\w*)(?::?(?<sign>[-?+])(?<more>[^}]*))?\})/g,
    (whole: string, ...rest: unknown[]) => {
      if (whole === '$$') return '$'
      const { bare, name = bare, sign, more = '' } = rest.at(-1) as Record<string, string | undefined>
      return sign === '-' ? `\${${name}:-${more}}` : `\${${name}}`
    },
  )
}

function portsOf({ ports, expose }: Readonly<Record<string, unknown>>): NonNullable<Service['ports']> {
  const targets = [ports, expose]
    .flatMap(list => (Array.isArray(list) ? (list as unknown[]) : []))
    .map(port =>
      Number(
        textsOf(entriesOf(port)['target'] ?? port)[0]
          ?.replace(/\/\w+$/, '')
          .split(':')
          .at(-1),
      ),
    )
    .filter(number => Number.isInteger(number) && number > 0 && number < 65_536)
  return [...new Set(targets)].slice(0, 20).map((number, n) => ({ name: n === 0 ? 'http' : `port-${number}`, number }))
}

function dependencies(given: unknown): string[] {
  return Array.isArray(given) ? given.flatMap(textsOf) : Object.keys(entriesOf(given))
}
