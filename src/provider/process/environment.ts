import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import type { RevisionSpec } from '../provider.ts'
import { expand } from './expand.ts'

/** What a replica or task finds around it. */
export interface Surroundings {
  /** The whole environment: what the service declares, and what we promise; nothing else of ours. */
  readonly env: Readonly<Record<string, string>>
  /** What `$NAME` means in its command and args: PORT, PORT_<NAME>, URL_<SERVICE> and DATA. */
  readonly values: Readonly<Record<string, string>>
}

/**
 * The environment of one replica. Of ours it gets PATH (with the programs of its own packages first, then those beside this Node), HOME and LANG, which the service may
 * declare otherwise. Ports are the one thing it may not: an image that listens on a fixed port in a container gets a free one here.
 */
export function surroundings(
  revision: Pick<RevisionSpec, 'env' | 'secrets' | 'urls'>,
  ports: Readonly<Record<string, number>>,
  folders: { readonly data: string; readonly image: string },
): Surroundings {
  const portVariables = portEnvironment(ports)
  const values = { ...revision.urls, DATA: folders.data, ...portVariables }
  const declared = Object.entries(revision.env).map(([name, value]) => [name, expand(value, values)] as const)
  const env = {
    PATH: searchPath(folders.image),
    HOME: process.env['HOME'] ?? homedir(),
    LANG: process.env['LANG'] ?? 'C.UTF-8',
    ...revision.urls,
    DATA: folders.data,
    ...Object.fromEntries(declared),
    ...revision.secrets,
    ...portVariables,
  }
  return { env, values }
}

/** The values among an environment that was made by {@link surroundings}. */
export function valuesAmong(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^(?:PORT|DATA|(?:PORT|URL)_.*)$/.test(name)))
}

/** The variable in which a service finds one of its ports: `PORT_METRICS` for `metrics`. */
export function portVariable(port: string): string {
  return `PORT_${port.toUpperCase().replaceAll('-', '_')}`
}

function portEnvironment(ports: Readonly<Record<string, number>>): Record<string, string> {
  const [first] = Object.values(ports)
  const named = Object.entries(ports).map(([name, port]) => [portVariable(name), String(port)] as const)
  return { ...(first === undefined ? {} : { PORT: String(first) }), ...Object.fromEntries(named) }
}

function searchPath(image: string): string {
  const programs = join(image, 'node_modules', '.bin')
  const folders = [
    existsSync(programs) ? programs : '',
    dirname(process.execPath),
    ...(process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter),
  ]
  return [...new Set(folders.filter(folder => folder !== ''))].join(delimiter)
}
