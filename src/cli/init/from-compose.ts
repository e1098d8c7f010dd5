import { basename } from 'node:path'
import { readYaml } from '../project/document.ts'
import { ProjectError } from '../project/fault.ts'
import type { Project } from '../project/project.ts'
import { composeService } from './compose-service.ts'
import { entriesOf, textsOf } from './compose-values.ts'
import { type Draft, nameFrom } from './draft.ts'

/** What to do about a compose file that is none. */
const next = 'Mend it, or name another one with --from FILE.'

/** Keys of the file that say nothing a project has to know. */
const silent = new Set(['version', 'name', 'services'])

/**
 * The project that comes nearest to a compose file, and what of it can't be carried over.
 *
 * @throws ProjectError when it is no compose file
 */
export function fromCompose(text: string, file: string, folder: string): Draft {
  const yaml = readYaml(text, { merge: true })
  if (yaml.faults.length > 0) throw new ProjectError(file, text, yaml.faults, next)
  const all = entriesOf(yaml.value)
  const declared = entriesOf(all['services'])
  const names = new Map(Object.keys(declared).map(name => [name, nameFrom(name, 'service')]))
  if (names.size === 0 || new Set(names.values()).size < names.size) {
    const message = names.size === 0 ? 'declares no service' : 'has services whose names are too much alike'
    throw new ProjectError(file, text, [{ ...yaml.placeOf(['services']), key: 'services', message }], next)
  }
  const notes: string[] = []
  const found = Object.entries(declared).map(([name, service]) =>
    composeService(names.get(name) ?? name, entriesOf(service), names, note => void notes.push(note)),
  )
  for (const [name, other] of names)
    if (name !== other) notes.unshift(`${name} is called ${other}: names are of lower-case letters, digits and -.`)
  const rest = Object.keys(all).filter(key => !silent.has(key) && !key.startsWith('x-'))
  if (rest.length > 0) notes.push(`Not carried over: ${rest.join(', ')}.`)
  const [called = basename(folder)] = textsOf(all['name'])
  const published = found.filter(({ published }) => published).map(({ service }) => service.name)
  if (published.length > 1)
    notes.push(
      `${published.join(' and ')} publish ports: ${published[0]} has the bare host name, the others have names of their own.`,
    )
  const services = found.map(({ service }): Project['services'][number] =>
    service.name === published[0] ? { ...service, expose: true } : service,
  )
  return { project: { name: nameFrom(called), services }, from: file, notes }
}
