import { certificate } from './certificate.ts'
import type { Check } from './check.ts'
import { clock } from './clock.ts'
import { command } from './command.ts'
import { contexts } from './contexts.ts'
import { dataFolder } from './data-folder.ts'
import { limits } from './limits.ts'
import { ports } from './ports.ts'
import { reached } from './reached.ts'
import { token } from './token.ts'
import { transport } from './transport.ts'
import { versions } from './versions.ts'

/** All that is looked at, in the order in which it is told. */
export const checks: readonly Check[] = [
  command,
  contexts,
  transport,
  reached,
  versions,
  clock,
  certificate,
  token,
  dataFolder,
  ports,
  limits,
]
