import { statSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn, readRecord, removeFiles } from './record.ts'

/** How many ended tasks of an instance are remembered: more than one deployment has, and only the one under way asks for its own again. */
export const keptTasks = 200

/** Forgets the tasks in a folder that ended, but for the newest. Those that were not waited for to their end stay. */
export function pruneTasks(folder: string, keep: number = keptTasks): void {
  const files = namesIn(folder).filter(name => name.endsWith('.json'))
  if (files.length <= keep) return
  const newestFirst = files
    .map(name => ({
      file: join(folder, name),
      at: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .toSorted((a, b) => b.at - a.at)
  for (const { file } of newestFirst.slice(keep)) {
    if ((readRecord(file) as { result?: unknown } | undefined)?.result === undefined) continue
    removeFiles(file, file.replace(/\.json$/, '.exit'))
  }
}
