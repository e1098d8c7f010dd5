/** What was looked at, and how it is. */
export interface Finding {
  /** A word for it: `server`, `clock`. */
  readonly check: string
  readonly ok: boolean
  /** What was found, in a phrase. */
  readonly found: string
  /** What to do about it. */
  readonly next?: string
}

/** It is as it should be. */
export function well(check: string, found: string): Finding {
  return { check, ok: true, found }
}

/** It is not. */
export function ill(check: string, found: string, next: string): Finding {
  return { check, ok: false, found, next }
}
