// A control plane in a process of its own, to be killed while deployments run. It does what it is asked.
import { join } from 'node:path'
import { createSlipway, isSlipwayError, proxyRouter } from '../../src/index.ts'
import { callsOf, eventsOf, type FromControlPlane, type ToControlPlane, type WiredError } from './calls.ts'

const [folder = ''] = process.argv.slice(2)

function tell(message: FromControlPlane): void {
  // A message that does not get through has nobody left to read it.
  if (process.connected) process.send?.(message, undefined, undefined, error => void error)
}

function wired(error: unknown): WiredError {
  if (!(error instanceof Error)) return { message: String(error) }
  const { message, stack } = error
  const more = isSlipwayError(error) ? { code: error.code, ...(error.next ? { next: error.next } : {}) } : {}
  return { message, ...(stack ? { stack } : {}), ...more }
}

async function run(): Promise<void> {
  const dataDir = join(folder, 'data')
  const router = await proxyRouter({ dataDir })
  const slipway = await createSlipway({ dataDir, router, log: { info: () => undefined, warn: () => undefined } })
  const acme = slipway.as({ tenantId: 'acme', subject: 'ana' })
  const calls = callsOf(slipway, acme) as Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>
  const listening = new Map<number, AbortController>()

  async function call(id: number, name: string, args: readonly unknown[]): Promise<void> {
    tell({ type: 'answer', id, value: await calls[name]?.(...args) })
  }

  async function listen(id: number, deploymentId: string | undefined): Promise<void> {
    const controller = new AbortController()
    listening.set(id, controller)
    for await (const event of eventsOf(slipway, acme, deploymentId, controller.signal)) {
      tell({ type: 'event', id, value: event })
    }
    listening.delete(id)
    tell({ type: 'end', id })
  }

  async function close(all: boolean): Promise<void> {
    await slipway.close()
    if (all) await router.shutdown()
    process.disconnect()
  }

  process.on('message', (asked: ToControlPlane) => {
    switch (asked.type) {
      case 'call':
        call(asked.id, asked.name, asked.args).catch((error: unknown) =>
          tell({ type: 'error', id: asked.id, error: wired(error) }),
        )
        return
      case 'listen':
        listen(asked.id, asked.deploymentId).catch((error: unknown) =>
          tell({ type: 'error', id: asked.id, error: wired(error) }),
        )
        return
      case 'stop':
        return listening.get(asked.id)?.abort()
      case 'close':
        close(asked.all).catch(fail)
    }
  })
  tell({ type: 'up', front: slipway.front })
}

function fail(error: unknown): void {
  tell({ type: 'failed', error: wired(error) })
  process.exitCode = 1
  process.disconnect()
}

process.on('disconnect', () => process.exit())
// Ctrl-C reaches the whole group; the scenario decides when this ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
run().catch(fail)
