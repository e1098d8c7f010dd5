import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'
import type { World } from '../world.ts'

/** The values of `--progress`. */
export const progresses = ['auto', 'tty', 'plain', 'json'] as const
export type Progress = (typeof progresses)[number]

/**
 * How a deployment is told: drawn in place where a person looks, as lines where a log is kept, as events where a program reads. The story goes
 * to stderr, so it is that which has to be a terminal. Colour is the style's business, which reads `NO_COLOR`; lines are drawn without as well.
 */
export function chooseProgress(
  asked: Progress | undefined,
  { json, stderr, env }: { readonly json: boolean } & Pick<World, 'stderr' | 'env'>,
): Exclude<Progress, 'auto'> {
  if (json && asked !== undefined && asked !== 'auto' && asked !== 'json') {
    throw new Refusal(exit.usage, 'usage', `--json and --progress=${asked} are two ways to tell it.`, 'Leave one out.')
  }
  if (json || asked === 'json') return 'json'
  if (asked === 'plain') return 'plain'
  const draws = stderr.isTty && env['TERM'] !== 'dumb'
  if (asked === 'tty') {
    if (draws) return 'tty'
    throw new Refusal(exit.usage, 'usage', '--progress=tty needs a terminal on stderr.', 'Use --progress=plain')
  }
  const ci = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false'
  return draws && !ci ? 'tty' : 'plain'
}
