import { z } from 'zod'
import { SlipwayError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'

/** Seconds, as options give them. */
export const secondsSchema = z
  .number()
  .min(0)
  .max(30 * 24 * 3600)

/** A count, as options give it. */
export const countSchema = z.int('it must be a whole number').min(0, 'it must be 0 or more')

const traffic = { minRequests: countSchema.exactOptional(), wait: z.boolean().exactOptional() }

/** A check of a hold, as options give it. */
export const checkSchema = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('errors'),
      maxRate: z.number().min(0).max(1).exactOptional(),
      maxRateAboveOld: z.number().min(0).max(1).exactOptional(),
      ...traffic,
    })
    .refine(
      check => check.maxRate !== undefined || check.maxRateAboveOld !== undefined,
      'needs maxRate or maxRateAboveOld',
    ),
  z
    .strictObject({
      type: z.literal('latency'),
      maxP95Ms: z.number().positive().exactOptional(),
      maxP95Ratio: z.number().positive().exactOptional(),
      ...traffic,
    })
    .refine(check => check.maxP95Ms !== undefined || check.maxP95Ratio !== undefined, 'needs maxP95Ms or maxP95Ratio'),
  z.strictObject({
    type: z.literal('http'),
    url: z.url({ protocol: /^https?$/ }),
    timeoutMs: z.int().positive().exactOptional(),
  }),
  z.strictObject({ type: z.literal('function'), name: z.string().min(1) }),
])

/**
 * Checks the options of a strategy and fills in defaults. Doing it twice gives the same.
 *
 * @throws SlipwayError `bad_options`
 */
export function parseOptions<T>(strategy: string, schema: z.ZodType<T>, given: Readonly<Record<string, unknown>>): T {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const issue = firstIssue(parsed.error.issues)
  throw issue ? refusal(strategy, schema, issue) : parsed.error
}

/** The deepest cause: for a choice of forms, what is wrong with the form that fits best. */
function firstIssue(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
  if (issue?.code !== 'invalid_union') return issue
  const nested = issue.errors
    .map(branch => firstIssue(branch))
    .filter(cause => cause !== undefined)
    .toSorted((a, b) => Number(isWrongForm(a)) - Number(isWrongForm(b)))
  const [cause] = nested
  return cause && !isWrongForm(cause) ? { ...cause, path: [...issue.path, ...cause.path] } : issue
}

function isWrongForm(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0
}

function refusal(strategy: string, schema: z.ZodType, issue: z.core.$ZodIssue): SlipwayError {
  const at = pathOf(issue.path)
  if (issue.code !== 'unrecognized_keys') {
    const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
    const what =
      at === ''
        ? `The options of ${strategy} do not fit: ${message}.`
        : `Option "${at}" of ${strategy} does not fit: ${message}.`
    return new SlipwayError('bad_options', what, { next: 'Correct the option, or leave it out for its default.' })
  }
  const key = issue.keys[0] ?? ''
  const name = at === '' ? key : `${at}.${key}`
  if (key === 'keepWarmSeconds') {
    return new SlipwayError(
      'bad_options',
      `${strategy} keeps nothing warm: it moves replicas one by one, so "keepWarmSeconds" means nothing.`,
      {
        next: 'Leave it out, or use blue-green or canary.',
      },
    )
  }
  const known = knownNames(schema, at === '')
  const near = nearest(key, known)
  const choice = known.length > 0 ? `Its options are: ${known.join(', ')}.` : 'It takes no options.'
  return new SlipwayError('bad_options', `${strategy} has no option "${name}".`, {
    next: near === undefined ? (at === '' ? choice : 'Leave it out.') : `Did you mean "${near}"?`,
  })
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (at, key) => (typeof key === 'number' ? `${at}[${key}]` : at === '' ? String(key) : `${at}.${String(key)}`),
    '',
  )
}

/** Every name an option may have, at the top or anywhere below it, as the schema says. */
function knownNames(schema: z.ZodType, top: boolean): string[] {
  const names = new Set<string>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties' && typeof value === 'object' && value !== null)
        for (const name of Object.keys(value)) names.add(name)
      if (!(top && key === 'properties')) visit(value)
    }
  }
  visit(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  return [...names]
}
