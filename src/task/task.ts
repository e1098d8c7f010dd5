import { z } from 'zod'
import type { Timestamp } from '../clock.ts'
import type { ListOptions, Page } from '../deploy/store.ts'

/** Where a task is. The last three are ends. */
export const taskStates = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const

export type TaskState = (typeof taskStates)[number]

/** One command, run once in a service's revision and environment, beside its replicas. */
export interface Task {
  readonly id: string
  readonly createdAt: Timestamp
  readonly tenantId: string
  readonly instanceId: string
  readonly service: string
  /** The release whose service it is: the one that was active when it was asked for. */
  readonly releaseId: string
  readonly command: readonly string[]
  /** How long it may take once it was started, seconds. */
  readonly timeoutSeconds: number
  readonly state: TaskState
  readonly startedAt?: Timestamp
  readonly finishedAt?: Timestamp
  readonly exitCode?: number
  /** The last lines it wrote, secrets masked; the log has all of them. */
  readonly output?: readonly string[]
  /** Why it failed, in one sentence. */
  readonly error?: string
  readonly errorCode?: string
  readonly initiator: string
  /** Who asked for its end. Until it has ended, it is being stopped. */
  readonly cancelledBy?: string
}

/** How long a task may take when nobody says, and at most; how many an instance has under way at most. */
export const taskLimits = { timeoutSeconds: 3600, maxTimeoutSeconds: 24 * 3600, atOnce: 10 } as const

/** What is asked for. */
export const taskRequestSchema = z.strictObject({
  /** Whose image, environment and secrets the command has. */
  service: z.string().min(1).max(100),
  /** Program and arguments; no shell is put around it. */
  command: z.array(z.string().max(32_768)).min(1).max(256),
  /** How long it may take, seconds; then it is stopped. */
  timeoutSeconds: z.number().int().min(1).max(taskLimits.maxTimeoutSeconds).optional(),
})

export type TaskRequest = z.input<typeof taskRequestSchema>

/** What may change of a task. */
export type TaskPatch = Partial<
  Pick<Task, 'state' | 'startedAt' | 'finishedAt' | 'exitCode' | 'output' | 'error' | 'errorCode' | 'cancelledBy'>
>

/** Keeps tasks. */
export interface TaskStore {
  insert(task: Task): Promise<void>
  get(tenantId: string, id: string): Promise<Task | undefined>
  /** Of one instance, newest first. */
  list(tenantId: string, instanceId: string, options?: ListOptions): Promise<Page<Task>>
  /** How many of an instance have not ended. */
  unended(instanceId: string): Promise<number>
  /** Whether there is a task that has not ended, and that no living worker has. */
  waits(): Promise<boolean>
  /** Gives up to `limit` tasks that have not ended, and that no living worker has, to this one; oldest first. */
  claim(worker: string, limit: number): Promise<Task[]>
  /** Those of a worker that somebody wants ended. */
  cancelling(worker: string): Promise<Task[]>
  /** Changes it if it is in one of these states; says whether it was. */
  update(id: string, from: readonly TaskState[], patch: TaskPatch): Promise<boolean>
  /** Drops at most `limit` that ended before `before`; says how many. */
  prune(before: Timestamp, limit: number): Promise<number>
}

/** Under which name its lines are in the log. */
export function taskLogName({ service, id }: Pick<Task, 'service' | 'id'>): string {
  return `${service}.task.${id}`
}

/** Whether it is over. */
export function taskEnded({ state }: Pick<Task, 'state'>): boolean {
  return state !== 'pending' && state !== 'running'
}
