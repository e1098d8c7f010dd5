/** Who calls: what a token was found to say. */
export interface Claims {
  readonly tenantId: string
  /** Who it is, for `initiator` and audit: `ana`, `ci:shop`. */
  readonly subject: string
  readonly scopes: readonly Scope[]
  /** Ids of the instances it is for; every other one does not exist for it. Absent: all of the tenant's. */
  readonly instances?: readonly string[]
  /** May act for any tenant. `tenantId` is {@link everyTenant} until one was chosen. */
  readonly operator?: boolean
  /** The token that proved it, when one did. */
  readonly tokenId?: string
  /** From where they call, for the audit log. Proves nothing. */
  readonly origin?: Origin
}

/** From where a caller came. */
export interface Origin {
  /** The way in: `api`, or what a program that embeds Slipway calls itself. */
  readonly via: string
  readonly requestId?: string
  /** Address of the client, as the server saw it. */
  readonly address?: string
  /** What the client said it was. */
  readonly userAgent?: string
}

/** Stands for every tenant in the claims of an operator; no tenant can have this name. */
export const everyTenant = '*'

export type Scope = 'read' | 'deploy' | 'admin'

/** What is done, for authorization. */
export type Action =
  | 'instance.read'
  | 'instance.create'
  | 'instance.update'
  | 'instance.operate'
  | 'instance.delete'
  | 'deploy.read'
  | 'deploy.create'
  | 'deploy.control'
  | 'task.read'
  | 'task.create'
  | 'secret.read'
  | 'secret.write'
  | 'event.read'
  | 'audit.read'
  | 'token.read'
  | 'token.write'
  | 'webhook.read'
  | 'webhook.write'

/** The scope that each action asks for. */
export const actionScopes: Readonly<Record<Action, Scope>> = {
  'instance.read': 'read',
  'instance.create': 'admin',
  'instance.update': 'admin',
  'instance.operate': 'deploy',
  'instance.delete': 'admin',
  'deploy.read': 'read',
  'deploy.create': 'deploy',
  'deploy.control': 'deploy',
  'task.read': 'read',
  'task.create': 'deploy',
  'secret.read': 'read',
  'secret.write': 'admin',
  'event.read': 'read',
  'audit.read': 'admin',
  'token.read': 'admin',
  'token.write': 'admin',
  'webhook.read': 'admin',
  'webhook.write': 'admin',
}

/** Tells who a caller is and what they may do. */
export interface AuthProvider {
  /** Throws `unauthenticated`. */
  authenticate(token: string): Promise<Claims>
  /** Throws `forbidden`. */
  authorize(claims: Claims, action: Action, resource?: { instanceId?: string }): Promise<void>
  /** The tenant a caller acts for. */
  tenantOf(claims: Claims): string
}
