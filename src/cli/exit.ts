/** How a command ends. The numbers are a promise: scripts read them. */
export const exit = {
  done: 0,
  unexpected: 1,
  usage: 2,
  failed: 3,
  notAllowed: 4,
  notFound: 5,
  conflict: 6,
  cancelled: 7,
  restored: 8,
  paused: 9,
  changes: 10,
  timedOut: 124,
  interrupted: 130,
} as const

/** One of the numbers of {@link exit}. */
export type ExitCode = (typeof exit)[keyof typeof exit]

/** What each number says, for help and documents. */
export const exitMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done as asked',
  1: 'unexpected failure',
  2: 'the command line or the request is not right, or a prompt was needed and there is no terminal',
  3: 'the deployment failed, and what served before could not be restored',
  4: 'not logged in, or not allowed',
  5: 'not found',
  6: 'conflict: stale, busy, or not in a state for it',
  7: 'the deployment, or the task, was cancelled',
  8: 'the deployment failed, and what served before was restored',
  9: 'paused: it waits for a person (with --until=pause)',
  10: 'there are changes (plan --exit-code, diff)',
  124: 'waiting timed out; the deployment goes on',
  130: 'interrupted: detached, the deployment goes on',
}
