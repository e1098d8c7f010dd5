import { basename } from 'node:path'
import { commandFrom } from '../../provider/process/command-line.ts'
import type { Project } from '../project/project.ts'
import { type Draft, nameFrom } from './draft.ts'

/** What flags or a person say of an application of one service. */
export interface Answers {
  readonly name?: string | undefined
  readonly image: string
  readonly command?: string | undefined
  /** Whether people reach it; a number is the port inside a container. */
  readonly port?: boolean | number | undefined
  readonly replicas?: number | undefined
}

/** A project of one service, as it was answered. */
export function fromAnswers({ name, image, command, port = true, replicas }: Answers, folder: string): Draft {
  const service: Project['services'][number] = {
    name: port === false ? 'worker' : 'web',
    image,
    ...(command === undefined || command.trim() === '' ? {} : { command: commandFrom(command) }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(port === false
      ? {}
      : { ports: [{ name: 'http', ...(typeof port === 'number' ? { number: port } : {}) }], expose: true }),
  }
  return {
    project: { name: name ?? nameFrom(basename(folder)), services: [service] },
    from: 'what you said',
    notes: port === false ? [] : ['web is told the port to listen on in $PORT.'],
  }
}
