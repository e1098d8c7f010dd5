import type { CreateInstanceRequest } from '../../src/instance/schema.ts'

type Declared = CreateInstanceRequest['services'][number]

/** A check that counts at once. One that is ready is seldom asked: it costs, and deaths are told by the system. */
export const quick = { type: 'http', path: '/healthz', minHealthyMs: 0, intervalMs: 1000 } as const

/** A routed service whose replicas count as soon as they answer. */
export function routed(name: string, image: string) {
  return { name, image, ports: [{ name: 'http' }], healthCheck: quick }
}

/** What people reach: `routed`, exposed. */
export function web(image: string, more: Partial<Declared> = {}): Declared {
  return { ...routed('web', image), expose: true, ...more }
}

/** A service without a port whose replicas count as soon as they run. A command is a process each time it is asked. */
export function worker(image: string) {
  const healthCheck = { type: 'command' as const, command: ['true'], minHealthyMs: 0, intervalMs: 10_000 }
  return { name: 'worker', image, healthCheck }
}
