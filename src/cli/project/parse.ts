import { nearest } from '../../nearest.ts'
import { readYaml, type YamlFile } from './document.ts'
import { type Fault, keyOf, ProjectError } from './fault.ts'
import { interpolate } from './interpolate.ts'
import { faultsOf, unquoted, valueAt } from './issues.ts'
import { disorderOf, optionSchemas } from './options.ts'
import { type Project, projectFileName, projectSchema } from './project.ts'

/** What a project file is read with. */
export interface ParseTerms {
  /** What `${NAME}` means. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** How the file is called in what is told about it. Default `slipway.yaml`. */
  readonly file?: string
}

/**
 * What a project file says.
 *
 * @throws ProjectError naming everything that is wrong with it, each with its line and column
 */
export function parseProject(text: string, { env = {}, file = projectFileName }: ParseTerms = {}): Project {
  const yaml = readYaml(text)
  if (yaml.faults.length > 0) throw new ProjectError(file, text, yaml.faults)
  const value = yaml.value
  if (value === null) throw new ProjectError(file, text, [{ ...yaml.placeOf([]), key: '', message: 'says nothing' }])
  quote(yaml)
  const faults = fillIn(yaml, env)
  const parsed = projectSchema.safeParse(value)
  if (!parsed.success) faults.push(...faultsOf(parsed.error.issues, projectSchema, yaml))
  else faults.push(...optionFaults(parsed.data, yaml), ...faultsTogether(parsed.data, yaml))
  if (parsed.success && faults.length === 0) return parsed.data
  throw new ProjectError(file, text, inOrder(faults))
}

/** Numbers and booleans where texts are wanted become the texts they are written as. */
function quote(yaml: YamlFile): void {
  const { error } = projectSchema.safeParse(yaml.value)
  for (const path of unquoted(error?.issues ?? [])) {
    const written = yaml.writtenAs(path)
    if (written !== undefined) put(yaml.value, path, written)
  }
}

/** Fills in what comes from the environment: in images and in values of `env`, and nowhere else. */
function fillIn(yaml: YamlFile, env: Readonly<Record<string, string | undefined>>): Fault[] {
  return interpolatedPaths(yaml.value).flatMap(path => {
    const text = valueAt(yaml.value, path)
    if (typeof text !== 'string') return []
    const filled = interpolate(text, env)
    if ('fault' in filled) return [{ ...yaml.placeOf(path), key: keyOf(path), message: filled.fault }]
    put(yaml.value, path, filled.text)
    return []
  })
}

function interpolatedPaths(value: unknown): PropertyKey[][] {
  const services = valueAt(value, ['services'])
  if (!Array.isArray(services)) return []
  return services.flatMap((service: unknown, n) => {
    const env = valueAt(service, ['env'])
    const names = env !== null && typeof env === 'object' && !Array.isArray(env) ? Object.keys(env) : []
    return [['services', n, 'image'], ...names.map(name => ['services', n, 'env', name])]
  })
}

function put(value: unknown, path: readonly PropertyKey[], text: string): void {
  const [last] = path.slice(-1)
  const parent = valueAt(value, path.slice(0, -1))
  if (last === undefined || parent === null || typeof parent !== 'object') return
  ;(parent as Record<PropertyKey, unknown>)[last] = text
}

function optionFaults({ strategy, policies, options }: Project, yaml: YamlFile): Fault[] {
  if (options === undefined) return []
  const fault = (message: string): Fault[] => [{ ...yaml.placeOfKey(['options']), key: 'options', message }]
  const name = strategy ?? policies?.strategy
  if (name === undefined) return fault('are of a strategy: say which with `strategy`')
  const schema = optionSchemas[name]
  if (!schema) return []
  const { error } = schema.safeParse(options)
  if (error) return faultsOf(error.issues, schema, yaml, ['options'])
  const disorder = disorderOf(name, options)
  return disorder === undefined ? [] : fault(`do not fit together: ${disorder}`)
}

/** What can only be seen of all services together, as far as it takes no server to see it. */
function faultsTogether({ services }: Project, yaml: YamlFile): Fault[] {
  const names = services.map(({ name }) => name)
  const faults: Fault[] = []
  const add = (path: readonly PropertyKey[], message: string): void =>
    void faults.push({ ...yaml.placeOf(path), key: keyOf(path), message })
  const exposed = services.findIndex(({ expose }) => expose === true)
  services.forEach((service, n) => {
    if (names.indexOf(service.name) < n) add(['services', n, 'name'], `names "${service.name}" a second time`)
    if (service.image.trim() === '') add(['services', n, 'image'], 'is empty')
    if (service.expose === true && n !== exposed) {
      add(['services', n, 'expose'], `is for one service only, and "${names[exposed]}" has it`)
    }
    service.depends_on?.forEach((other, m) => {
      if (names.includes(other)) return
      const near = nearest(other, names)
      const hint = near === undefined ? `services are ${names.join(', ')}` : `did you mean "${near}"?`
      add(['services', n, 'depends_on', m], `names "${other}", which is no service: ${hint}`)
    })
  })
  return faults
}

function inOrder(faults: readonly Fault[]): Fault[] {
  return faults.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
