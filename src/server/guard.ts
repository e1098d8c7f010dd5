import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { type Claims, everyTenant, type Origin } from '../auth/auth.ts'
import { SlipwayError } from '../errors.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import { isFromHere } from './from-here.ts'
import { acrossTenants, isAboutTenants, type RouteKey, rules } from './rules.ts'

/** Holds every request to the rule of its route: who it is, how often they may, for which tenant, and whether they may do it. */
export function guard(parts: ServerParts): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    const key = routeOf(c)
    if (key === undefined) return await next()
    const rule = rules[key]
    if (rule === 'open') return await next()
    if (rule === 'operator' && parts.metricsOnLoopback && isFromHere(c)) return await next()
    const token = bearer(c)
    const { remoteAddress } = c.var
    const claims = await parts.failures.guarded(remoteAddress, token, () =>
      parts.slipway.auth.authenticate(token, { remoteAddress }),
    )
    limit(c, parts, claims, rule)
    const acting = forTenant(claims, c.req.query('tenant'), key)
    if (rule === 'operator') requireOperator(claims)
    else if (rule !== 'any token') {
      const instanceId = key.includes('/instances/{id}') ? c.req.param('id') : undefined
      await parts.slipway.auth.authorize(acting, rule, instanceId === undefined ? {} : { instanceId })
    }
    c.set('token', token)
    c.set('claims', acting)
    c.set('acting', parts.slipway.acting({ ...acting, origin: originOf(c) }))
    await next()
  }
}

/** The route that a request will come to, as its rule is named; undefined when there is none. */
export function routeOf(c: Context<ServerEnv>): RouteKey | undefined {
  const handler = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')
  if (!handler) return undefined
  const path = handler.path.replaceAll(/:(\w+)/g, '{$1}')
  const key = `${handler.method} ${path}`
  if (Object.hasOwn(rules, key)) return key as RouteKey
  throw new Error(`The route ${key} has no rule.`)
}

function bearer(c: Context<ServerEnv>): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(c.req.header('Authorization') ?? '') ?? []
  if (token !== undefined) return token
  throw new SlipwayError('unauthenticated', 'The request carries no token.', {
    next: 'Send a token that was made here, or the JWT of a trusted issuer, as `Authorization: Bearer …`.',
  })
}

/** From where a request came, for the audit log. */
function originOf(c: Context<ServerEnv>): Origin {
  const address = c.var.remoteAddress
  const userAgent = c.req.header('User-Agent')?.slice(0, 200)
  return {
    via: 'api',
    requestId: c.var.requestId,
    ...(address !== undefined ? { address } : {}),
    ...(userAgent !== undefined ? { userAgent } : {}),
  }
}

/** By what a caller's requests and streams are counted: the token, or who the issuer says it is. */
export function callerOf({ tokenId, issuer = '', tenantId, subject }: Claims): string {
  return tokenId ?? `${issuer} ${tenantId} ${subject}`
}

function limit(c: Context<ServerEnv>, { limiter }: ServerParts, claims: Claims, rule: string): void {
  const kind = rule === 'any token' || rule === 'operator' || rule.endsWith('.read') ? 'read' : 'write'
  const { allowed, quota, remaining, resetSeconds } = limiter.take(callerOf(claims), kind)
  c.header('RateLimit-Policy', `"${kind}";q=${quota};w=60`)
  c.header('RateLimit', `"${kind}";r=${remaining};t=${resetSeconds}`)
  if (allowed) return
  throw new SlipwayError('rate_limited', `This token has sent ${quota} ${kind} requests within a minute.`, {
    next: `Wait ${resetSeconds} s and send it again.`,
    details: { retry_after_seconds: resetSeconds },
  })
}

function requireOperator({ operator, instances, subject }: Claims): void {
  if (operator && instances === undefined) return
  throw new SlipwayError('forbidden', `"${subject}" may not do this: it is about every tenant.`, {
    next: "Use an operator's token that is for every instance.",
  })
}

/** The claims with the tenant that is acted for: the token's, or the one an operator names. */
function forTenant(claims: Claims, named: string | undefined, key: RouteKey): Claims {
  if (rules[key] === 'operator') return claims
  if (!claims.operator) {
    if (named === undefined || named === claims.tenantId) return claims
    throw new SlipwayError('forbidden', `"${claims.subject}" acts for its own tenant only.`, {
      next: "Leave `tenant` out, or use an operator's token.",
    })
  }
  if (rules[key] === 'any token' || isAboutTenants(key)) return claims
  if (named === undefined || (named === everyTenant && !acrossTenants.has(key))) {
    throw new SlipwayError('invalid_request', "An operator's request names the tenant it is for.", {
      next: 'Add `?tenant=NAME` to the address; lists take `?tenant=*` as well.',
      fields: [{ pointer: '/tenant', detail: 'the name of a tenant' }],
    })
  }
  return { ...claims, tenantId: named }
}
