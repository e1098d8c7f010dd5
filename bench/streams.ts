import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Slipway } from '../src/index.ts'
import { createServer } from '../src/server/index.ts'
import { type Figure, median, percentile, rounded } from './figure.ts'
import { acmeOf, openFleet } from './fleet.ts'
import { settledMemory } from './memory.ts'

const rounds = 40
const deaf = 100
/** Events that pass readers who take none, twice: more than any buffer on the way holds. */
const passing = 2000
const filler = 'x'.repeat(10_000)

/** A line of bench/stream-clients.ts. */
interface Told {
  readonly listening?: number
  readonly spread_ms?: number
  readonly at?: number
  readonly error?: string
}

/** How soon everybody who listens is told of an event, and what those cost who listen and take nothing. */
export async function benchStreams(clients: number): Promise<Figure[]> {
  await using cleanup = new AsyncDisposableStack()
  const slipway = await (await openFleet(cleanup)).open({ worker: false })
  // Readers that take nothing are not let go while they are measured, and all listen with one token.
  const server = createServer(slipway, { beatMs: 600_000, rateLimits: { read: Number.MAX_SAFE_INTEGER } })
  cleanup.defer(() => server.close())
  const { url } = await server.listen()
  const { secret } = await acmeOf(slipway).tokens.create({ name: 'bench', scopes: ['read'] })
  const stream = `${url}/v1/events/stream`
  return [await spread(slipway, stream, secret, clients), await memory(slipway, stream, secret)]
}

async function spread(slipway: Slipway, url: string, token: string, clients: number): Promise<Figure> {
  await using listeners = await listen(url, token, clients, 'reading')
  const spreads: number[] = []
  const delays: number[] = []
  for (let round = -5; round < rounds; round++) {
    const began = Date.now()
    await publish(slipway, 1)
    const { spread_ms = 0, at = 0 } = await listeners.next()
    // Those that are not counted warm the code up.
    if (round < 0) continue
    spreads.push(spread_ms)
    delays.push(at - began)
  }
  const p95 = percentile(spreads, 0.95)
  return {
    figure: 'stream_last_after_first_p95_ms',
    value: rounded(p95, 1),
    reach: '<= 50',
    ok: p95 <= 50,
    clients,
    events: rounds,
    p50_ms: rounded(median(spreads), 1),
    highest_ms: rounded(Math.max(...spreads), 1),
    published_to_last_p50_ms: rounded(median(delays), 1),
  }
}

async function memory(slipway: Slipway, url: string, token: string): Promise<Figure> {
  await using listeners = await listen(url, token, deaf, 'deaf')
  void listeners // they take nothing
  const before = await settledMemory()
  // Twice as much first: buffers of the system fill while Node's empty, long after the events were written.
  await publish(slipway, 2 * passing, { filler })
  const between = await quietMemory()
  await publish(slipway, passing, { filler })
  const after = await quietMemory()
  const growth = (after.heap - between.heap) / deaf
  return {
    figure: 'deaf_reader_growth_bytes',
    value: Math.round(growth),
    reach: '<= 4096',
    ok: growth <= 4096,
    readers: deaf,
    passed_bytes_each: passing * filler.length,
    first_time_bytes_each: Math.round((between.heap - before.heap) / deaf),
    resident_growth_bytes: after.resident - between.resident,
  }
}

/** Once nobody reads on any more: whoever takes nothing still fills the buffers on the way, megabytes of them in the system. */
async function quietMemory(): Promise<Awaited<ReturnType<typeof settledMemory>>> {
  const deadline = performance.now() + 30_000
  for (let before = await settledMemory(); ; ) {
    await delay(250)
    const now = await settledMemory()
    if (Math.abs(now.heap - before.heap) < 100_000 || performance.now() > deadline) return now
    before = now
  }
}

async function publish({ bus }: Slipway, count: number, data: object = {}): Promise<void> {
  const atOnce = 100
  for (let left = count; left > 0; left -= atOnce) {
    await Promise.all(
      Array.from({ length: Math.min(left, atOnce) }, () =>
        bus.publish({ type: 'instance.updated', tenantId: 'acme', data: { ...data } }),
      ),
    )
  }
}

interface Listeners extends AsyncDisposable {
  /** What they say next. */
  next(): Promise<Told>
}

/** Starts a process of so many listeners, and resolves when all are. */
async function listen(url: string, token: string, count: number, how: 'reading' | 'deaf'): Promise<Listeners> {
  const program = fileURLToPath(new URL('./stream-clients.ts', import.meta.url))
  const args = ['--disable-warning=ExperimentalWarning', program, url, token, String(count), how]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Told> => {
    const { value, done } = await lines.next()
    const told = done ? { error: 'they ended' } : (JSON.parse(value) as Told)
    if (told.error !== undefined) throw new Error(`The listeners failed: ${told.error}.`)
    return told
  }
  await next()
  return { next, [Symbol.asyncDispose]: () => ended(child) }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.stdin?.end()
  await gone
}
