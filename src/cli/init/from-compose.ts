import { basename, dirname, resolve } from 'node:path'
import { exit } from '../exit.ts'
import { readYaml } from '../project/document.ts'
import { ProjectError } from '../project/fault.ts'
import type { Project } from '../project/project.ts'
import { Refusal } from '../refusal.ts'
import { environmentOf, referencesIn } from './compose-env.ts'
import { leftOut } from './compose-left-out.ts'
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
  const { why, jobs } = leftOut(declared)
  const kept = new Map([...names].filter(([name]) => !why.has(name)))
  if (kept.size === 0) {
    throw new Refusal(
      exit.usage,
      'nothing_found',
      `${file} has nothing that can run here: ${[...why.values()].join(' ')}`,
      'Say what to run:  slipway init --name NAME --image file:. --command "node server.js"',
    )
  }
  for (const [name, other] of kept)
    if (name !== other) notes.push(`${name} is called ${other}: names are of lower-case letters, digits and -.`)
  notes.push(...why.values())
  const values = [...kept.keys()].flatMap(name =>
    Object.values(environmentOf(entriesOf(declared[name])['environment'], () => undefined)),
  )
  const reached = new Map(referencesIn(values, [...kept.keys()]).map(({ service, port }) => [service, port]))
  const cwd = resolve(folder)
  const found = [...kept.keys()].map(name => {
    const around = {
      names: kept,
      all: [...names.keys()],
      reachedAt: reached.get(name),
      base: dirname(resolve(cwd, file)),
      cwd,
    }
    const { service, ...more } = composeService(name, entriesOf(declared[name]), {
      ...around,
      note: sentence => void notes.push(sentence),
    })
    const job = jobs.find(({ before }) => before === name)
    return { ...more, service: { ...service, ...(job ? { before: [...job.command] } : {}) } }
  })
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
  const unset = new Set(services.flatMap(({ image, env = {} }) => [image, ...Object.values(env)].flatMap(wantedBy)))
  if (unset.size > 0) notes.push(`Who deploys it sets ${[...unset].join(', ')}: without, it is refused.`)
  return { project: { name: nameFrom(called), services }, from: file, notes }
}

/** Variables that a text takes from the environment of who deploys, and has no default for. */
function wantedBy(text: string): string[] {
  return [...text.matchAll(/\$\{([A-Za-z_]\w*)\}/g)].flatMap(([, name = '']) =>
    /^(?:PORT|DATA|(?:PORT|URL)_.*)$/.test(name) ? [] : [name],
  )
}
