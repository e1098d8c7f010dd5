import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { proxyRouter } from '../src/router/proxy/router.ts'
import { type Figure, rounded } from './figure.ts'

/** What a load measured: requests a second, latency in ms, requests that failed. */
interface Measured {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly failed: number
}

const load = fileURLToPath(new URL('./proxy-load.ts', import.meta.url))
const node = ['--disable-warning=ExperimentalWarning', load]

/** Throughput and added latency of the proxy against the replica asked directly, in turns within one run. */
export async function benchProxy(seconds = 3, rounds = 3): Promise<Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  const replica = spawn(process.execPath, [...node, 'server'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const router = await proxyRouter({ dataDir })
  try {
    const [line] = (await once(createInterface({ input: replica.stdout }), 'line')) as [string]
    const { port: replicaPort } = JSON.parse(line) as { port: number }
    const port = await router.allocatePort(new Set())
    const endpoints = [{ replica: 'a', address: { host: '127.0.0.1', port: replicaPort }, state: 'serving' as const }]
    const services = { web: { port, hosts: [], revisions: { one: { weight: 100, endpoints } } } }
    const fence = { storeId: 'bench', instanceId: 'bench', epoch: 1, signal: new AbortController().signal, check() {} }
    await router.apply({ instanceId: 'bench', storeId: 'bench', epoch: 1, version: 1, services }, fence)
    const direct = `http://127.0.0.1:${replicaPort}/`
    const through = `http://127.0.0.1:${port}/`
    await measure(through, 16, 1)
    const busy = await inTurns(direct, through, 32, seconds, rounds)
    const calm = await inTurns(direct, through, 1, seconds, rounds)
    return [
      {
        figure: 'proxy_throughput_ratio',
        value: rounded(busy.through.perSecond / busy.direct.perSecond, 3),
        reach: '>= 0.2',
        ok: busy.through.perSecond >= 0.2 * busy.direct.perSecond,
        direct: busy.direct,
        proxy: busy.through,
      },
      {
        figure: 'proxy_added_p50_ms',
        value: rounded(calm.through.p50 - calm.direct.p50, 3),
        direct: calm.direct,
        proxy: calm.through,
      },
    ]
  } finally {
    await router.shutdown()
    replica.kill()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** The median of each, taken in turns, so that a moment's noise on a shared machine hits neither side alone. */
export async function inTurns(
  direct: string,
  through: string,
  connections: number,
  seconds: number,
  rounds: number,
  token?: string,
): Promise<{ direct: Measured; through: Measured }> {
  const results = { direct: [] as Measured[], through: [] as Measured[] }
  for (let round = 0; round < rounds; round++) {
    results.direct.push(await measure(direct, connections, seconds, token))
    results.through.push(await measure(through, connections, seconds, token))
  }
  return { direct: middle(results.direct), through: middle(results.through) }
}

function middle(all: readonly Measured[]): Measured {
  const sorted = [...all].sort((a, b) => a.perSecond - b.perSecond)
  return sorted[Math.floor(sorted.length / 2)] as Measured
}

async function measure(url: string, connections: number, seconds: number, token?: string): Promise<Measured> {
  const args = [...node, 'load', url, String(connections), String(seconds), ...(token === undefined ? [] : [token])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return JSON.parse(line) as Measured
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const line of await benchProxy()) process.stdout.write(`${JSON.stringify(line)}\n`)
}
