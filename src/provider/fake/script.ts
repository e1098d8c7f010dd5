import type { RevisionSpec, TaskResult } from '../provider.ts'
import { type Ms, pickMs, type Random } from './random.ts'

/** Which replicas a behaviour is for; what is left out matches all. */
export interface ReplicaMatch {
  readonly instanceId?: string
  readonly service?: string
  /** With or without its generation. */
  readonly revision?: string
  readonly image?: string
  readonly ordinal?: number
}

/** How replicas live. A later script overrides an earlier one field by field. */
export interface Behaviour {
  /** From asked for to running. Default 0. */
  readonly startMs?: Ms
  /** From running to answering its health check. Default 0. */
  readonly readyMs?: Ms | 'never'
  /** It ends by itself so long after it runs; only the first `times` of them when that is given. */
  readonly exit?: { readonly afterMs: Ms; readonly code: number; readonly times?: number }
  /** From SIGTERM to its end. `never`: it has to be killed. Default 0. */
  readonly stopMs?: Ms | 'never'
  /** Lines it writes once it runs. */
  readonly logs?: readonly string[]
  /** How a command beside it ends. Default: with 0 while it meets its health check, else with 1. */
  readonly exec?: { readonly exitCode: number; readonly output?: readonly string[] }
  /** How its `before` command ends. Default: at once, with 0; the first `interrupted` of them are cut off. */
  readonly task?: {
    readonly ms?: Ms
    readonly exitCode?: number
    readonly output?: readonly string[]
    readonly interrupted?: number
  }
}

/** How one replica will live: the script with every range chosen. */
export interface Life {
  readonly startMs: number
  readonly readyMs: number | 'never'
  readonly exit?: { readonly afterMs: number; readonly code: number }
  readonly stopMs: number | 'never'
  readonly logs: readonly string[]
}

/** How one task will go. */
export interface TaskScript {
  readonly ms: number
  readonly result: TaskResult
}

/** How a command beside a replica ends. */
export type ExecScript = NonNullable<Behaviour['exec']>

/** The behaviours that were scripted, latest last. */
export interface Script {
  add(match: ReplicaMatch, behaviour: Behaviour): void
  life(spec: RevisionSpec, ordinal: number): Life
  task(spec: RevisionSpec): TaskScript
  /** Undefined when nothing is scripted. */
  exec(spec: RevisionSpec, ordinal: number): ExecScript | undefined
}

/** An empty script: everything works at once. */
export function behaviourScript(random: Random): Script {
  const rules: { readonly match: ReplicaMatch; readonly behaviour: Behaviour; exits: number; cut: number }[] = []
  const last = (field: keyof Behaviour, spec: RevisionSpec, ordinal?: number) =>
    rules.findLast(rule => rule.behaviour[field] !== undefined && fits(rule.match, spec, ordinal))

  const exit = (spec: RevisionSpec, ordinal: number): Life['exit'] => {
    const rule = last('exit', spec, ordinal)
    if (!rule?.behaviour.exit) return undefined
    const { afterMs, code, times = Number.POSITIVE_INFINITY } = rule.behaviour.exit
    if (rule.exits >= times) return undefined
    rule.exits++
    return { afterMs: pickMs(afterMs, random), code }
  }

  return {
    add: (match, behaviour) => void rules.push({ match, behaviour, exits: 0, cut: 0 }),
    life(spec, ordinal) {
      const ready = last('readyMs', spec, ordinal)?.behaviour.readyMs ?? 0
      const stop = last('stopMs', spec, ordinal)?.behaviour.stopMs ?? 0
      const exits = exit(spec, ordinal)
      return {
        startMs: pickMs(last('startMs', spec, ordinal)?.behaviour.startMs ?? 0, random),
        readyMs: ready === 'never' ? ready : pickMs(ready, random),
        stopMs: stop === 'never' ? stop : pickMs(stop, random),
        logs: last('logs', spec, ordinal)?.behaviour.logs ?? [],
        ...(exits ? { exit: exits } : {}),
      }
    },
    task(spec) {
      const rule = last('task', spec)
      const { ms = 0, exitCode = 0, output = [], interrupted = 0 } = rule?.behaviour.task ?? {}
      if (!rule || rule.cut >= interrupted) return { ms: pickMs(ms, random), result: { exitCode, output } }
      rule.cut++
      return { ms: pickMs(ms, random), result: { exitCode: -1, output, interrupted: true } }
    },
    exec: (spec, ordinal) => last('exec', spec, ordinal)?.behaviour.exec,
  }
}

function fits(match: ReplicaMatch, spec: RevisionSpec, ordinal?: number): boolean {
  return (
    (match.instanceId ?? spec.instanceId) === spec.instanceId &&
    (match.service ?? spec.service) === spec.service &&
    (match.image ?? spec.image) === spec.image &&
    (match.ordinal ?? ordinal) === ordinal &&
    (match.revision === undefined || match.revision === spec.revision || spec.revision.startsWith(`${match.revision}.`))
  )
}
