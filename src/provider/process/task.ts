import { createHash } from 'node:crypto'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isSlipwayError, roomFault, SlipwayError } from '../../errors.ts'
import type { Fence, RevisionSpec, TaskResult } from '../provider.ts'
import type { Context } from './context.ts'
import { surroundings } from './environment.ts'
import { expand } from './expand.ts'
import { type GroupName, hasBegun, signalGroup } from './group.ts'
import { type Latched, launch } from './launcher.ts'
import { lifeOf } from './life.ts'
import { streamFiles } from './log-files.ts'
import { lastLines } from './log-lines.ts'
import { segment } from './paths.ts'
import { namesIn, readRecord, removeFiles, unknownExit, writeRecord } from './record.ts'
import { pruneTasks } from './task-records.ts'
import { turns } from './turns.ts'

/** How many lines of a task's output are handed back. */
export const taskOutputLines = 20

/** What is kept of a task until its instance is forgotten, so that it runs once. */
interface TaskRecord extends GroupName {
  readonly name: string
  readonly storeId: string
  readonly service: string
  readonly result?: TaskResult
}

/** Runs commands to their end, once per name. */
export interface Tasks {
  /**
   * When the fence is aborted it stops waiting and throws the reason; the command goes on, and whoever asks for the name next waits
   * for it.
   */
  run(revision: RevisionSpec, command: readonly string[], name: string, fence: Fence): Promise<TaskResult>
  /** Ends one that runs: asks it to, and kills it after the grace. */
  stop(instanceId: string, service: string, name: string, graceMs: number, fence: Fence): Promise<void>
  /** Kills what still runs for an instance. */
  kill(instanceId: string): void
}

/** The tasks of a provider. */
export function taskRuns(context: Context): Tasks {
  const inTurn = turns()
  return {
    async run(revision, command, name, fence) {
      context.fences.check(fence)
      const { instanceId } = revision
      const file = join(context.paths.instance(instanceId).tasks, taskId(revision.service, name))
      await inTurn(file, async () => {
        if (!isLaunched(file)) await launchTask(context, revision, command, name, file, fence)
      })
      return waitForTask(context, instanceId, file, fence)
    },
    async stop(instanceId, service, name, graceMs, fence) {
      context.fences.check(fence)
      const file = join(context.paths.instance(instanceId).tasks, taskId(service, name))
      await inTurn(file, () => stopTask(context, file, graceMs, fence))
    },
    kill(instanceId) {
      const { tasks } = context.paths.instance(instanceId)
      for (const file of namesIn(tasks).filter(name => name.endsWith('.json'))) {
        const record = recordIn(join(tasks, file))
        if (record && !record.result) signalGroup(record, 'SIGKILL')
      }
    },
  }
}

function recordIn(file: string): TaskRecord | undefined {
  return readRecord(file) as TaskRecord | undefined
}

/** Whether it got past the latch, ended or not. */
function isLaunched(file: string): boolean {
  const record = recordIn(`${file}.json`)
  return record !== undefined && (record.result !== undefined || lifeOf(record, `${file}.exit`).state !== 'never')
}

async function stopTask({ clock, fences }: Context, file: string, graceMs: number, fence: Fence): Promise<void> {
  const killAt = clock.monotonic() + graceMs
  let [asked, killed] = [false, false]
  for (let waitMs = 1; ; waitMs = Math.min(20, waitMs * 1.5)) {
    const record = recordIn(`${file}.json`)
    if (!record || record.result) return
    const { state } = lifeOf(record, `${file}.exit`)
    if (state === 'ended' || state === 'never') return
    const late = clock.monotonic() >= killAt
    // Sent while the launcher is still on its way, a signal would be lost: the launcher survives it, and nobody else is there yet.
    if (!asked && (late || hasBegun(record))) {
      fences.check(fence)
      signalGroup(record, 'SIGTERM')
      asked = true
    }
    if (!killed && late) {
      fences.check(fence)
      signalGroup(record, 'SIGKILL')
      killed = true
    }
    await clock.sleep(waitMs, fence.signal)
  }
}

/** A file name for the task: readable, and different for different names. */
function taskId(service: string, name: string): string {
  const readable = name.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 80)
  return segment(`${service}.task.${readable}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`)
}

async function launchTask(
  context: Context,
  revision: RevisionSpec,
  command: readonly string[],
  name: string,
  file: string,
  fence: Fence,
): Promise<void> {
  const { instanceId, service } = revision
  const { data, tasks } = context.paths.instance(instanceId)
  const dataFolder = join(data, service)
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  mkdirSync(tasks, { recursive: true, mode: 0o700 })
  const cwd = context.images.folderOf(revision.digest)
  const { env, values } = surroundings(revision, {}, { data: dataFolder, image: cwd })
  const id = taskId(service, name)
  const logs = context.logs.open(context.replicas.logFolder({ instanceId, service }), id)
  let latched: Latched | undefined
  try {
    latched = await launch({
      command: command.map(word => expand(word, values)),
      cwd,
      env,
      // Into one file, so that its last lines are the last of both.
      stdout: logs.stdout,
      stderr: logs.stdout,
      exitFile: `${file}.exit`,
    })
    const { pid, startTime, bootId } = latched
    writeRecord(`${file}.json`, { name, service, storeId: fence.storeId, pid, startTime, bootId } satisfies TaskRecord)
    context.fences.check(fence)
    latched.go()
  } catch (error) {
    latched?.drop()
    removeFiles(`${file}.json`, `${file}.exit`)
    throw roomFault(error, `The task ${name} cannot be started`)
  } finally {
    logs.close()
  }
}

async function waitForTask(context: Context, instanceId: string, file: string, fence: Fence): Promise<TaskResult> {
  adoptLogs(context, instanceId, recordIn(`${file}.json`))
  for (let waitMs = 1; ; waitMs = Math.min(50, waitMs * 1.5)) {
    context.ensureOpen()
    const record = recordIn(`${file}.json`)
    const life = record && lifeOf(record, `${file}.exit`)
    if (!record || life?.state === 'never') {
      throw new SlipwayError('unavailable', `The task in ${file} was taken away before it ran.`, { next: 'Try again.' })
    }
    if (record.result) return record.result
    if (life?.state === 'leftover') signalGroup(record, 'SIGKILL')
    if (life?.state === 'ended') {
      const { exitCode } = life
      const output = outputOf(context, instanceId, record)
      const result: TaskResult = { exitCode, output, ...(exitCode === unknownExit ? { interrupted: true } : {}) }
      remember(`${file}.json`, { ...record, result })
      pruneTasks(context.paths.instance(instanceId).tasks)
      return result
    }
    await context.clock.sleep(waitMs, fence.signal)
  }
}

/** Where a full disk keeps it from being written, its exit file says the same to whoever asks again. */
function remember(file: string, record: TaskRecord): void {
  try {
    writeRecord(file, record)
  } catch (error) {
    if (!isSlipwayError(error, 'disk_full')) throw error
  }
}

/** Of a task that an earlier control plane started: what it writes is looked after from now on. */
function adoptLogs({ replicas, logs }: Context, instanceId: string, record: TaskRecord | undefined): void {
  if (!record || record.result) return
  logs.adopt(replicas.logFolder({ instanceId, service: record.service }), taskId(record.service, record.name))
}

function outputOf({ replicas, logs }: Context, instanceId: string, { service, name }: TaskRecord): string[] {
  const folder = replicas.logFolder({ instanceId, service })
  const id = taskId(service, name)
  const { stdout } = streamFiles(folder, id)
  const output = lastLines(stdout, statSync(stdout, { throwIfNoEntry: false })?.size ?? 0, taskOutputLines)
  logs.finish(folder, id)
  return output
}
