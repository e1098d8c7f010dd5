/** What one look found. */
export interface Finding {
  /** What was looked at: `server`, `token`, `ports`. */
  readonly what: string
  /** Whether commands, or what runs, can go on like this; false makes the exit code 1. */
  readonly ok: boolean
  /** `warning`: it works today, and will not always, or not for everybody. */
  readonly level: 'good' | 'warning' | 'bad'
  readonly text: string
  /** Why that is not right; absent where it is. */
  readonly why?: string
  /** What to type or to do about it; absent where nothing is to be done. */
  readonly next?: string
}

/** All is well. */
export function good(what: string, text: string): Finding {
  return { what, ok: true, level: 'good', text }
}

/** It works, but should not stay like this. */
export function warning(what: string, text: string, why: string, next: string): Finding {
  return { what, ok: true, level: 'warning', text, why, next }
}

/** It does not work like this. */
export function bad(what: string, text: string, why: string, next: string): Finding {
  return { what, ok: false, level: 'bad', text, why, next }
}
