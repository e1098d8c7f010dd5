import type { Project } from '../project/project.ts'

/** A project file to be written. */
export interface Draft {
  /** Its texts are as they are to stand in the file: `${NAME}` is filled in when it is read. */
  readonly project: Project
  /** What it was made from: `compose.yaml`. */
  readonly from: string
  /** What could not be carried over, or has to be looked at, a sentence each. */
  readonly notes: readonly string[]
}

/** A name that an instance or a service may have, as near to this one as can be. */
export function nameFrom(text: string, otherwise = 'app'): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return name === '' ? otherwise : name
}
