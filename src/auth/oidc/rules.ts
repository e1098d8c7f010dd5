import { SlipwayError } from '../../errors.ts'
import { nameSchema } from '../../instance/schema.ts'
import { type Claims, everyTenant } from '../auth.ts'
import { withImplied } from '../scopes.ts'
import type { OidcRule } from './config.ts'
import { fits } from './glob.ts'
import { filledIn, textOf } from './template.ts'

/** What a verified token says. */
export type TokenClaims = Readonly<Record<string, unknown>>

/**
 * Who the bearer of a verified token is here, by the first rule that fits.
 *
 * @throws SlipwayError `forbidden` when none does, which says what each of them stumbled over, but not what it wants
 */
export function claimsBy(rules: readonly OidcRule[], issuer: string, token: TokenClaims): Claims {
  const why: string[] = []
  for (const [n, rule] of rules.entries()) {
    const wrong = Object.entries(rule.match).find(([name, patterns]) => !matches([patterns].flat(), token[name]))
    if (!wrong) return claimsOf(rule, issuer, token)
    const [name] = wrong
    why.push(`rule ${n + 1} wants another ${name} than ${shown(token[name])}`)
  }
  const told = why.length > 5 ? [...why.slice(0, 5), `and ${why.length - 5} more want others`] : why
  throw new SlipwayError(
    'forbidden',
    `The token of ${issuer} is genuine, but no rule here is for it: ${told.join('; ')}.`,
    {
      next: 'Ask whoever runs this server for a rule that fits, or run the job where one does.',
    },
  )
}

function matches(patterns: readonly string[], claim: unknown): boolean {
  const values = (Array.isArray(claim) ? claim : [claim]).flatMap(value => textOf(value) ?? [])
  return values.some(value => value.length <= maxClaim && patterns.some(pattern => fits(pattern, value)))
}

function claimsOf(
  { tenant, subject = '{sub}', scopes, instances }: OidcRule,
  issuer: string,
  token: TokenClaims,
): Claims {
  const tenantId = filledIn(tenant, token)
  const who = filledIn(subject, token)
  const isOperator = tenant === everyTenant
  if (tenantId === undefined || !(isOperator || nameSchema.safeParse(tenantId).success)) {
    throw unusable(issuer, `its tenant would be ${shown(tenantId)}, which cannot be the name of one`)
  }
  if (who === undefined || !/^\P{Cc}{1,200}$/u.test(who)) {
    throw unusable(issuer, `its subject would be ${shown(who)}, and has to be 1 to 200 characters`)
  }
  return {
    tenantId,
    subject: who,
    scopes: withImplied(scopes),
    issuer,
    ...(instances ? { instances } : {}),
    ...(isOperator ? { operator: true } : {}),
  }
}

function unusable(issuer: string, why: string): SlipwayError {
  return new SlipwayError('forbidden', `The token of ${issuer} is genuine, but ${why}.`, {
    next: 'Change the rule that is for it.',
  })
}

const maxClaim = 1000

function shown(claim: unknown): string {
  return claim === undefined ? 'none' : (JSON.stringify(claim) ?? 'none').slice(0, 100)
}
