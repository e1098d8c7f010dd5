import { Document, isMap, isScalar, isSeq, visit } from 'yaml'
import { escaped } from './interpolate.ts'
import type { Project } from './project.ts'

/** Where the schema of project files is published: what an editor checks them with. */
export const schemaUrl = 'https://unpkg.com/slipway/docs/slipway.schema.json'

/** What a project file that is written anew says beside the project. */
export interface WriteTerms {
  /** Lines above it, for people. */
  readonly notes?: readonly string[]
  /** Whether `${NAME}` in it is to be filled in from the environment whenever the file is read. Default: it stands for itself. */
  readonly interpolated?: boolean
}

/** The text of a project file: what `parseProject` reads as this project, with the line that tells editors its schema. */
export function projectText(project: Project, { notes = [], interpolated = false }: WriteTerms = {}): string {
  const document = new Document(
    { ...project, services: interpolated ? project.services : project.services.map(withEscapes) },
    { schema: 'core' },
  )
  visit(document, {
    Seq(_, node) {
      // Words of a command stand in one line.
      if (node.items.every(isScalar)) node.flow = true
    },
    Map(_, node) {
      if (node.items.length === 0) node.flow = true
    },
  })
  apart(document)
  const above = [`# yaml-language-server: $schema=${schemaUrl}`, ...notes.map(note => `# ${note}`.trimEnd())]
  return `${above.join('\n')}\n\n${document.toString({ lineWidth: 120 })}`
}

function withEscapes(service: Project['services'][number]): Project['services'][number] {
  const { image, env } = service
  return {
    ...service,
    image: escaped(image),
    ...(env === undefined
      ? {}
      : { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, escaped(value)])) }),
  }
}

/** An empty line between services: they are what one looks for. */
function apart(document: Document): void {
  const services = document.get('services')
  if (!isSeq(services)) return
  services.items.forEach((service, n) => {
    if (isMap(service) && n > 0) service.spaceBefore = true
  })
}
