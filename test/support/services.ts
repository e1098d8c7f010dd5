import type { CreateInstanceRequest } from '../../src/instance/schema.ts'

type Declared = CreateInstanceRequest['services'][number]

/** A check that counts at once, and is asked often. */
export const quick = { type: 'http', path: '/healthz', minHealthyMs: 0, intervalMs: 100 } as const

/** A routed service whose replicas count as soon as they answer. */
export function routed(name: string, image: string) {
  return { name, image, ports: [{ name: 'http' }], healthCheck: quick }
}

/** What people reach: `routed`, exposed. */
export function web(image: string, more: Partial<Declared> = {}): Declared {
  return { ...routed('web', image), expose: true, ...more }
}

/** A service without a port whose replicas count as soon as they run. */
export function worker(image: string) {
  return { name: 'worker', image, healthCheck: { type: 'command' as const, command: ['true'], minHealthyMs: 0 } }
}
