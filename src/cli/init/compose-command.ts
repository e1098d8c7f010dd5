import { commandFrom } from '../../provider/process/command-line.ts'
import type { Project } from '../project/project.ts'
import { textsOf } from './compose-values.ts'

type Service = Project['services'][number]

/** What a service of a compose file says to run. */
export function commandsOf({
  command,
  entrypoint,
}: Readonly<Record<string, unknown>>): Pick<Service, 'command' | 'args'> {
  const [first, second] = [entrypoint, command].map(words)
  if (first && second) return { command: first, args: second }
  const only = first ?? second
  return only ? { command: only } : {}
}

function words(given: unknown): string[] | undefined {
  const list = Array.isArray(given) ? given.flatMap(textsOf) : textsOf(given).flatMap(commandFrom)
  // To compose `$$` is a dollar sign; to us, where the service runs, `$NAME` of what has no meaning stays as it is.
  return list.every(word => word === '') ? undefined : list.map(word => word.replaceAll('$$', '$'))
}
