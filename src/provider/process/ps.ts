import { execFileSync } from 'node:child_process'
import { SlipwayError } from '../../errors.ts'

/** One process, as `ps` lists it. */
export interface Listed {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** One letter; Z is dead. */
  readonly state: string
  /** When it was started, to the second: with its pid it names a process for good, as long as pids do not come round within one. */
  readonly started: string
  readonly command: string
}

/** How long one listing is good, milliseconds: a look at every replica of a machine takes one, not hundreds. */
const goodMs = 50

let last: { readonly at: number; readonly listed: ReadonlyMap<number, Listed> } | undefined

/** Every process of the machine, as of at most {@link goodMs} ago. For systems without /proc, such as macOS. */
export function listedProcesses(now = performance.now()): ReadonlyMap<number, Listed> {
  if (last === undefined || now - last.at > goodMs) last = { at: now, listed: list() }
  return last.listed
}

/** The process with this pid. One that is not in the last listing may have come since, so it is looked for in a new one. */
export function listedProcess(pid: number): Listed | undefined {
  const known = listedProcesses().get(pid)
  if (known) return known
  last = undefined
  return listedProcesses().get(pid)
}

function list(): ReadonlyMap<number, Listed> {
  const args = ['-A', '-ww', '-o', 'pid=,ppid=,pgid=,stat=,lstart=,command=']
  let text: string
  try {
    text = execFileSync('ps', args, {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 64 * 1024 * 1024,
    })
  } catch (error) {
    throw new SlipwayError(
      'unavailable',
      'The processes of this machine can not be listed: there is no /proc, and ps fails.',
      {
        next: 'Install ps.',
        cause: error,
      },
    )
  }
  return parseListing(text)
}

/** What `ps` printed, by pid. */
export function parseListing(text: string): ReadonlyMap<number, Listed> {
  const found = new Map<number, Listed>()
  for (const line of text.split('\n')) {
    const [, pid, parent, group, state = '', started = '', command = ''] = row.exec(line) ?? []
    if (pid === undefined) continue
    const listed = {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      state: state.charAt(0),
      started,
      command,
    }
    found.set(listed.pid, listed)
  }
  return found
}

const row = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s?(.*)$/
