import type { Client } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import type { Settings } from '../settings.ts'
import type { Finding } from './finding.ts'

/** What checks look at. */
export interface Looked {
  readonly cli: Cli
  readonly settings: Settings
  /** The address of the server, without a slash at its end. */
  readonly url: URL
  /** Whether that is this machine, whose ports and limits are then the server's. */
  readonly isHere: boolean
  /** The data folder of a server on this machine, where there is one to look at. */
  readonly dataDir?: string
  /** Calls of the server; with the token, or who the job is, where there is one. It asks once, and not for long. */
  readonly client: Client
  /** The first answer of the server; absent where it has none. */
  readonly reached?: { readonly date: string | null }
}

/** One thing that is looked at. Add a file for another one, and list it in `checks.ts`. */
export interface Check {
  /** What it takes to look: nothing, a server that answers, or a server on this machine. */
  readonly needs: 'nothing' | 'server' | 'this machine'
  look(looked: Looked): Promise<readonly Finding[]> | readonly Finding[]
}

/** How long one look may take, milliseconds. */
export const lookMs = 5000
