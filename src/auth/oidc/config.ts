import { z } from 'zod'
import { parse } from '../../deploy/schema.ts'
import { SlipwayError } from '../../errors.ts'
import { nameSchema } from '../../instance/schema.ts'
import { everyTenant } from '../auth.ts'
import { claimsIn } from './template.ts'

/** Asymmetric only: with HS256 a public key would be taken for a secret. */
export const oidcAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

/** What an issuer is taken for when it does not say, seconds. */
export const oidcDefaults = { algorithms: ['RS256', 'ES256'], clockToleranceSeconds: 5, maxAgeSeconds: 3600 } as const

const pattern = z.string().min(1).max(500)

const ruleSchema = z.strictObject({
  /** Claim → what it has to be: a value, a pattern, or several of which one fits. `*` stands for anything but a `/`, `**` for anything. All have to fit. */
  match: z.record(z.string().min(1).max(100), z.union([pattern, z.array(pattern).min(1).max(100)])),
  /** The tenant acted for, `{claim}` for what a claim says; `*` makes operators. */
  tenant: z.string().min(1).max(200),
  scopes: z
    .array(z.enum(['read', 'deploy', 'admin']))
    .min(1)
    .max(3),
  /** Ids of the instances it is for. Default: all. */
  instances: z
    .array(z.string().regex(/^inst_[0-9a-z]{26}$/, 'must be the id of an instance'))
    .min(1)
    .max(100)
    .optional(),
  /** Who it is, for `initiator` and audit. Default `{sub}`. */
  subject: z.string().min(1).max(200).optional(),
})

const issuerSchema = z.strictObject({
  /** As its tokens have it in `iss`, to the letter. */
  issuer: z.url().max(500),
  /** What its tokens are made for: one of these is in `aud`. */
  audience: z.union([z.string().min(1).max(500), z.array(z.string().min(1).max(500)).min(1).max(20)]),
  algorithms: z.array(z.enum(oidcAlgorithms)).min(1).optional(),
  /** Where its keys are. Default: what `/.well-known/openid-configuration` says. */
  jwksUrl: z.url().max(500).optional(),
  /** How far its clock may be off. */
  clockToleranceSeconds: z.number().int().min(0).max(60).optional(),
  /** A token that was made longer ago is refused, whatever it says itself. */
  maxAgeSeconds: z.number().int().min(60).max(86_400).optional(),
  /** For issuers whose tokens have no `nbf`. */
  withoutNbf: z.boolean().optional(),
  /** The first that fits decides. */
  rules: z.array(ruleSchema).min(1).max(200),
})

const issuersSchema = z.array(issuerSchema).max(50)

/** An issuer that is trusted, and what its tokens may do. */
export type OidcIssuer = z.input<typeof issuerSchema>
/** Whose tokens may do what. */
export type OidcRule = z.input<typeof ruleSchema>

/** Issuers whose tokens anybody can get, and the claims of which one says whose. */
const shared: Readonly<Record<string, readonly string[]>> = {
  'token.actions.githubusercontent.com': [
    'repository',
    'repository_id',
    'repository_owner',
    'repository_owner_id',
    'job_workflow_ref',
    'sub',
  ],
  'gitlab.com': ['project_path', 'project_id', 'namespace_path', 'namespace_id', 'sub'],
}

/** Checks what was configured, as a whole. Throws `invalid_request`, naming what is wrong. */
export function checkIssuers(given: readonly OidcIssuer[]): readonly OidcIssuer[] {
  const issuers = parse(issuersSchema, given, 'The configuration of OIDC') as readonly OidcIssuer[]
  for (const [n, { issuer, jwksUrl, rules }] of issuers.entries()) {
    if (issuers.findIndex(other => other.issuer === issuer) !== n) refuse(n, 'issuer', `${issuer} is there twice`)
    for (const url of [issuer, ...(jwksUrl === undefined ? [] : [jwksUrl])]) {
      if (!isSafe(url))
        refuse(n, url === issuer ? 'issuer' : 'jwksUrl', `${url} is not https, so its keys could be forged`)
    }
    for (const [m, rule] of rules.entries()) checkRule(rule, `${n}/rules/${m}`, shared[new URL(issuer).hostname])
  }
  return issuers
}

/** Whether what comes from there can be trusted to come from there. */
export function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
}

function checkRule({ match, tenant, subject = '{sub}' }: OidcRule, at: string, whose: readonly string[] | undefined) {
  const narrow = Object.entries(match).filter(([, patterns]) => ![patterns].flat().some(one => /^\*+$/.test(one)))
  const names = narrow.map(([name]) => name)
  if (names.length === 0) refuse(at, 'match', 'every token of the issuer would fit')
  if (whose && !narrow.some(([name, patterns]) => whose.includes(name) && [patterns].flat().every(namesOwner))) {
    const which = `one of ${whose.join(', ')} has to be there, without a star before its first /`
    refuse(at, 'match', `anybody can get tokens of this issuer, so ${which}`)
  }
  const free = claimsIn(tenant).find(claim => !names.includes(claim))
  if (free !== undefined)
    refuse(at, 'tenant', `it takes the claim ${free}, which the rule does not match: match it as well`)
  if (tenant !== everyTenant && claimsIn(tenant).length === 0 && !nameSchema.safeParse(tenant).success) {
    refuse(at, 'tenant', `"${tenant}" cannot be a tenant`)
  }
  if (subject.trim() === '') refuse(at, 'subject', 'it is empty')
}

/** Whether a pattern says whose: of a repository, a group or a subject that is what comes first, and whoever likes can be called as a star lets them. */
function namesOwner(pattern: string): boolean {
  return !pattern.replace(/\/.*$/s, '').includes('*')
}

function refuse(at: number | string, field: string, why: string): never {
  throw new SlipwayError('invalid_request', `The configuration of OIDC is not valid: /${at}/${field}: ${why}.`, {
    next: 'Mend it, and start again; docs/security.md has an example.',
    fields: [{ pointer: `/${at}/${field}`, detail: why }],
  })
}
