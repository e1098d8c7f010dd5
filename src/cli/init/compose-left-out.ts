import { commandsOf } from './compose-command.ts'
import { entriesOf, textsOf } from './compose-values.ts'

type Services = Readonly<Record<string, unknown>>

/** A service that runs once and ends, and does so for one of the same program. */
export interface Job {
  /** Who is to run it before it moves. */
  readonly before: string
  readonly command: readonly string[]
}

/** What of a compose file is not made a service of ours. */
export interface LeftOut {
  /** Why, by name; a sentence each. */
  readonly why: ReadonlyMap<string, string>
  readonly jobs: readonly Job[]
}

/** Services that would not come up as ones of ours: what would be written for them is worse than to say so. */
export function leftOut(services: Services): LeftOut {
  const why = new Map<string, string>()
  const jobs: Job[] = []
  for (const [name, given] of Object.entries(services)) {
    const service = entriesOf(given)
    const waiting = Object.keys(services).filter(other => waitsForEnd(entriesOf(services[other]), name))
    const [profile] = listOf(service['profiles'])
    if (profile !== undefined) {
      why.set(name, `${name} is left out: it is in profile ${profile}, which compose does not start by itself either.`)
    } else if (waiting.length > 0) {
      const { command } = commandsOf(service)
      const before = waiting.find(other => programOf(services[other]) === programOf(service))
      if (before !== undefined && command) jobs.push({ before, command })
      why.set(
        name,
        before !== undefined && command
          ? `${name} runs once and ends: it is what ${before} runs \`before\` each release.`
          : `${name} is left out: it runs once and ends. Let ${waiting[0]} run it, under \`before\`.`,
      )
    } else {
      const sentence = notRunHere(name, service)
      if (sentence !== undefined) why.set(name, sentence)
    }
  }
  return { why, jobs }
}

function notRunHere(name: string, { build, image }: Services): string | undefined {
  const [text] = textsOf(image)
  if (build === undefined)
    return text === undefined || /^(?:file|npm):/.test(text)
      ? undefined
      : `${name} is left out: ${text} comes from a registry of containers, and what runs here is a folder (file:) or a package (npm:). Let it run as it does, and give the others its address.`
  const [context = '.'] = contextOf(build)
  return /^(?:\w+:\/\/|git@)/.test(context)
    ? `${name} is left out: ${context} is not a folder. Clone it, and say where.`
    : undefined
}

/** The folder that an image is built from, as it is written. */
export function contextOf(build: unknown): string[] {
  return typeof build === 'string' ? [build] : textsOf(entriesOf(build)['context'])
}

function programOf(service: unknown): string {
  const { build, image } = entriesOf(service)
  return JSON.stringify(build === undefined ? { image } : { build: contextOf(build)[0] ?? '.' })
}

function waitsForEnd({ depends_on: needs }: Services, name: string): boolean {
  return entriesOf(entriesOf(needs)[name])['condition'] === 'service_completed_successfully'
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.flatMap(textsOf) : []
}
