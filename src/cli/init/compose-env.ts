import { urlVariable } from '../../deploy/compose.ts'
import { entriesOf, textsOf } from './compose-values.ts'

/** The environment of a service as a project file has it: what compose fills in is filled in as well, in our form. */
export function environmentOf(given: unknown, note: (sentence: string) => void): Record<string, string> {
  const pairs = Array.isArray(given)
    ? given.flatMap(textsOf).map(entry => {
        const at = entry.indexOf('=')
        return at < 0 ? ([entry, undefined] as const) : ([entry.slice(0, at), entry.slice(at + 1)] as const)
      })
    : Object.entries(entriesOf(given)).map(([name, value]) => [name, textsOf(value)[0]] as const)
  const [good, bad] = [pairs.filter(([name]) => variable.test(name)), pairs.filter(([name]) => !variable.test(name))]
  if (bad.length > 0) note(`no variable can be called ${bad.map(([name]) => name).join(', ')}.`)
  return Object.fromEntries(
    good.map(([name, value]) => [name, value === undefined ? `\${${name}}` : interpolation(value)]),
  )
}

const variable = /^[A-Za-z_]\w{0,254}$/

/** What compose fills in, in the form in which a project file does: it knows braces only, and one kind of default. */
export function interpolation(text: string): string {
  return text.replaceAll(
    /\$(?:\$|(?<bare>[A-Za-z_]\w*)|\{(?<name>[A-Za-z_]\w*)(?::?(?<sign>[-?+])(?<more>[^}]*))?\})/g,
    (whole: string, ...rest: unknown[]) => {
      if (whole === '$$') return '$'
      const { bare, name = bare, sign, more = '' } = rest.at(-1) as Record<string, string | undefined>
      return sign === '-' ? `\${${name}:-${more}}` : `\${${name}}`
    },
  )
}

/** Another service that a value names, as `http://api:3000` does. */
export interface Reference {
  readonly service: string
  readonly port: number
}

/** The services that these values reach by HTTP under their names. */
export function referencesIn(values: readonly string[], services: readonly string[]): Reference[] {
  return values.flatMap(value =>
    [...value.matchAll(address)].flatMap(([, service = '', port]) =>
      services.includes(service) ? [{ service, port: Number(port ?? 80) }] : [],
    ),
  )
}

/** The value with `$URL_API` for `http://api:3000`: services have addresses here, and no host names. `names`: what they are called here. */
export function readdressed(value: string, names: ReadonlyMap<string, string>): string {
  return value.replaceAll(address, (whole: string, service: string) => {
    const name = names.get(service)
    return name === undefined ? whole : `$${urlVariable(name)}`
  })
}

const address = /\bhttp:\/\/([A-Za-z0-9][\w-]*)(?::(\d{1,5}))?(?![\w.:@-])/g

/** Names of services that a value still has for hosts: `postgres://db:5432`, or `db` alone in `DB_HOST`. */
export function hostsIn(name: string, value: string, services: readonly string[]): string[] {
  return services.filter(service => {
    if (value === service) return /HOST|SERVER|ADDR/i.test(name)
    return new RegExp(`(?:^|//|@|,)${service.replaceAll('.', '\\.')}(?::\\d|[/,]|$)`).test(value) && /[:/]/.test(value)
  })
}
