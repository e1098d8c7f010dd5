import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inWords } from '../../room.ts'
import type { Check } from './check.ts'
import { type Finding, good, warning } from './finding.ts'

/** Two for each connection that is passed on, and a few for each replica: below this a busy server meets the end of them. */
const fewestFiles = 8192
/** Of processes and their threads: a replica of Node has a dozen. */
const fewestTasks = 1024
/** What the control plane and the proxy take in quiet times, with some room. */
const leastMemoryBytes = 512 * 1024 * 1024

/** What the system lets a server have that is started here, and all of its replicas. */
export const limits: Check = {
  needs: 'this machine',
  look() {
    const own = /^0::(.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/'
    const cgroup = (name: string) => read(join('/sys/fs/cgroup', own, name)) ?? read(join('/sys/fs/cgroup', name))
    return [
      ...filesFinding(read('/proc/self/limits') ?? ''),
      ...tasksFinding(cgroup('pids.max')),
      ...memoryFinding(cgroup('memory.max')),
    ]
  },
}

/** What is to be said of the open files of `/proc/self/limits`. The hard limit counts: Node takes all that it may. */
export function filesFinding(text: string): Finding[] {
  const [, , hard = ''] = /^Max open files +(\S+) +(\S+)/m.exec(text) ?? []
  if (hard === '') return []
  const said = hard === 'unlimited' ? 'as many open files as there are' : `${hard} open files`
  if (hard === 'unlimited' || Number(hard) >= fewestFiles) return [good('files', said)]
  return [
    warning(
      'files',
      said,
      'A connection that is passed on takes two; when they are used up, new ones are refused.',
      'ulimit -n 65536   or LimitNOFILE=65536 in the unit of systemd',
    ),
  ]
}

/** What is to be said of the `pids.max` of a cgroup. */
export function tasksFinding(text: string | undefined): Finding[] {
  const most = limitOf(text)
  if (most === undefined) return []
  if (most >= fewestTasks) return [good('tasks', `${most} processes and threads`)]
  return [
    warning(
      'tasks',
      `${most} processes and threads`,
      'A replica of Node has a dozen; when they are used up, replicas do not come up.',
      'TasksMax=infinity in the unit of systemd   or --pids-limit of the container',
    ),
  ]
}

/** What is to be said of the `memory.max` of a cgroup. */
export function memoryFinding(text: string | undefined): Finding[] {
  const most = limitOf(text)
  if (most === undefined) return []
  if (most >= leastMemoryBytes) return [good('memory', `${inWords(most)} for the server and what it starts`)]
  return [
    warning(
      'memory',
      `${inWords(most)} for the server and what it starts`,
      'The system ends processes when it is used up, and replicas count as well.',
      'MemoryMax= in the unit of systemd   or --memory of the container',
    ),
  ]
}

function limitOf(text: string | undefined): number | undefined {
  const found = text?.trim() ?? ''
  return /^\d+$/.test(found) ? Number(found) : undefined
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    void error // because a system that does not tell has no such limit
    return undefined
  }
}
