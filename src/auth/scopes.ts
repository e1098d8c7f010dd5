import type { Scope } from './auth.ts'

/** Whoever may deploy may read, and whoever may administrate may do both. */
export function withImplied(scopes: readonly Scope[]): Scope[] {
  const order: readonly Scope[] = ['read', 'deploy', 'admin']
  return order.slice(0, 1 + Math.max(...scopes.map(scope => order.indexOf(scope))))
}
