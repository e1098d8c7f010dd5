import { unlessAborted } from '../abort.ts'
import type { Check } from '../deploy/step.ts'
import { messageOf, SlipwayError } from '../errors.ts'
import { type Judgement, judge, type Observed } from './judge.ts'

/** What a function that is a check gets to know. */
export interface CheckContext {
  readonly tenantId: string
  readonly instanceId: string
  readonly deploymentId: string
  /** Per service that moves: what the router counted for its new and its old revision since the hold began. */
  readonly traffic: Readonly<Record<string, Observed>>
  /** Aborted when the hold ends before the function does. */
  readonly signal: AbortSignal
}

/** A check of the user's own: a sentence of what is wrong fails the step, undefined passes it. */
export type CheckFunction = (context: CheckContext) => Promise<string | undefined>

/** How long the URL of a check may take to answer when it does not say, milliseconds. */
export const checkTimeoutMs = 1000

/** Carries out one check of a hold. Never rejects but for the context's signal: a check that can't be carried out has failed. */
export async function runCheck(
  check: Check,
  context: CheckContext,
  functions: Readonly<Record<string, CheckFunction>> = {},
): Promise<Judgement> {
  switch (check.type) {
    case 'errors':
    case 'latency':
      return together(Object.entries(context.traffic).map(([service, observed]) => [service, judge(check, observed)]))
    case 'http':
      return await askUrl(check, context.signal)
    case 'function':
    default:
      return await callFunction(check.name, context, functions)
  }
}

/** Refuses a check that measures nothing or can't be carried out, with `bad_options`. */
export function validateCheck(check: Check, functions: Readonly<Record<string, CheckFunction>> = {}): void {
  const why = whyBad(check, functions)
  if (why) throw new SlipwayError('bad_options', `The ${check.type} check ${why.says}.`, { next: why.next })
}

/** One service that fails fails the check, one that waits makes it wait. */
function together(judged: readonly (readonly [string, Judgement])[]): Judgement {
  const worst = judged.find(([, one]) => one.verdict === 'fail') ?? judged.find(([, one]) => one.verdict === 'wait')
  if (worst) return { ...worst[1], service: worst[0], text: `${worst[0]}: ${worst[1].text}` }
  const text = judged.map(([service, one]) => `${service}: ${one.text}`).join(' ')
  const closest = closestToFailing(judged.map(([service, one]) => ({ ...one, service })))
  return { ...closest, verdict: 'pass', text: text || 'Nothing of this is routed, so there is nothing to measure.' }
}

/** Of several that pass, the one that says most about how close it was. */
function closestToFailing(judged: readonly Judgement[]): Judgement | undefined {
  const share = ({ value, threshold }: Judgement): number =>
    value === undefined || !threshold ? -1 : value / threshold
  return judged.toSorted((a, b) => share(b) - share(a))[0]
}

async function askUrl(
  { url, timeoutMs = checkTimeoutMs }: Extract<Check, { type: 'http' }>,
  signal: AbortSignal,
): Promise<Judgement> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, timeout]) })
    await response.body?.cancel()
    const verdict = response.ok ? 'pass' : 'fail'
    return { verdict, text: `GET ${url} was answered ${response.status} ${response.statusText}`.trim() }
  } catch (error) {
    signal.throwIfAborted()
    if (timeout.aborted) return { verdict: 'fail', text: `GET ${url} was not answered within ${timeoutMs} ms` }
    const cause = error instanceof Error && error.cause ? error.cause : error
    return { verdict: 'fail', text: `GET ${url} was not answered: ${messageOf(cause)}` }
  }
}

async function callFunction(
  name: string,
  context: CheckContext,
  functions: Readonly<Record<string, CheckFunction>>,
): Promise<Judgement> {
  const check = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (!check) return { verdict: 'fail', text: `No check function named "${name}" is registered.` }
  try {
    const wrong = await unlessAborted(check(context), context.signal)
    return wrong ? { verdict: 'fail', text: `${name}: ${wrong}` } : { verdict: 'pass', text: `${name} passed.` }
  } catch (error) {
    context.signal.throwIfAborted()
    return { verdict: 'fail', text: `${name} threw: ${messageOf(error)}` }
  }
}

function whyBad(
  check: Check,
  functions: Readonly<Record<string, CheckFunction>>,
): { says: string; next: string } | undefined {
  switch (check.type) {
    case 'errors':
      if (check.maxRate === undefined && check.maxRateAboveOld === undefined) {
        return { says: 'measures nothing', next: 'Give it maxRate or maxRateAboveOld, such as 0.01.' }
      }
      return badNumber({
        maxRate: check.maxRate,
        maxRateAboveOld: check.maxRateAboveOld,
        minRequests: check.minRequests,
      })
    case 'latency':
      if (check.maxP95Ms === undefined && check.maxP95Ratio === undefined) {
        return { says: 'measures nothing', next: 'Give it maxP95Ms or maxP95Ratio.' }
      }
      return badNumber({ maxP95Ms: check.maxP95Ms, maxP95Ratio: check.maxP95Ratio, minRequests: check.minRequests })
    case 'http':
      return URL.canParse(check.url) && /^https?:/iu.test(check.url)
        ? badNumber({ timeoutMs: check.timeoutMs })
        : {
            says: `has no URL that can be asked: "${check.url}"`,
            next: 'Use one that begins with http:// or https://.',
          }
    case 'function':
    default:
      return Object.hasOwn(functions, check.name)
        ? undefined
        : {
            says: `names "${check.name}", which is not registered`,
            next: `Registered are: ${Object.keys(functions).join(', ') || 'none'}.`,
          }
  }
}

function badNumber(numbers: Readonly<Record<string, number | undefined>>): { says: string; next: string } | undefined {
  const bad = Object.entries(numbers).find(
    ([, value]) => value !== undefined && !(value >= 0 && Number.isFinite(value)),
  )
  return bad && { says: `has ${bad[0]} ${bad[1]}`, next: `Give ${bad[0]} a number from 0.` }
}
