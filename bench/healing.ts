import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startLoad } from '../src/demo/load/load.ts'
import type { LoadReport } from '../src/demo/load/stats.ts'
import { buildShop } from '../src/demo/shop/build.ts'
import { createSlipway } from '../src/index.ts'
import { runningProcess } from '../src/router/proxy/find.ts'
import { placeOf } from '../src/router/proxy/place.ts'
import { stopProxy } from '../src/router/proxy/router.ts'
import { isRunning } from '../src/router/proxy/running.ts'
import { type Figure, percentile, rounded } from './figure.ts'
import { apiOf, succeeded } from './place.ts'

const rps = 100
const reachMs = 2000
/** Ten times as long again, and more: what is not back by then never will be. */
const stuckAfterMs = 60_000

/** What is healed: `watched` is where things die, `served` is what the load asks meanwhile. */
interface Ward {
  readonly dataDir: string
  readonly front: { readonly host: string; readonly port: number }
  readonly env: NodeJS.ProcessEnv
}

/**
 * How long it takes, where nobody deploys, until what was killed (SIGKILL) is at work again: the control plane, a replica, the proxy; and how
 * many requests to another instance were lost while control planes were away.
 */
export async function benchHealing(rounds: number): Promise<Figure[]> {
  await using cleanup = new AsyncDisposableStack()
  const ward = await openWard(cleanup)
  let plane = await startPlane(ward)
  cleanup.defer(() => kill(plane))
  const pids = new Set<number>()
  while (pids.size < 2) pids.add(await pidThatAnswers(ward))

  /** One of the two that answer dies; resolves when another does. */
  const replaced = async (victim: number, began: number): Promise<number> => {
    pids.delete(victim)
    const successor = await until('a new replica answers', async () => {
      const pid = await pidThatAnswers(ward)
      return pid !== victim && !pids.has(pid) && pid
    })
    pids.add(successor)
    return performance.now() - began
  }
  // The one that is there for longer, so that none dies that has only just taken another's place: that would be a crash loop.
  const oldest = (): number => [...pids][0] as number

  const took = { plane: [] as number[], up: [] as number[], replica: [] as number[], proxy: [] as number[] }
  const reports: LoadReport[] = []
  for (let round = 0; round < rounds; round++) {
    reports.push(
      await underLoad(ward, async () => {
        await kill(plane)
        const dead = oldest()
        process.kill(dead, 'SIGKILL')
        const began = performance.now()
        plane = await startPlane(ward)
        took.up.push(performance.now() - began)
        took.plane.push(await replaced(dead, began))

        const victim = oldest()
        const killed = performance.now()
        process.kill(victim, 'SIGKILL')
        took.replica.push(await replaced(victim, killed))
      }),
    )
    took.proxy.push(await proxyKilled(ward))
  }

  const sum = (of: 'sent' | 'answered' | 'lost'): number => reports.reduce((all, report) => all + report[of], 0)
  const lost = sum('lost')
  return [
    figureOf('heal_control_plane_p95_ms', took.plane, { up_p50_ms: Math.round(percentile(took.up, 0.5)) }),
    figureOf('heal_replica_p95_ms', took.replica),
    figureOf('heal_proxy_p95_ms', took.proxy),
    {
      figure: 'lost_while_away',
      value: lost,
      reach: '0',
      ok: lost === 0,
      control_planes_killed: rounds,
      sent: sum('sent'),
      answered: sum('answered'),
      asked_per_second: rps,
      ...(lost > 0 ? { losses: reports.flatMap(({ losses }) => losses) } : {}),
    },
  ]
}

/** Does it while the other instance is asked, and tells what came of the requests. */
async function underLoad({ front }: Ward, act: () => Promise<void>): Promise<LoadReport> {
  const target = { ...front, hostHeader: hostOf('served') }
  const load = startLoad({ target, rps, expect: { type: 'shop', service: 'api' } })
  try {
    await load.until(({ answered }) => answered > rps / 4)
    await act()
  } catch (error) {
    await load.stop()
    throw error
  }
  return await load.stop()
}

/** Once for each control plane: a proxy that ends again and again is given longer and longer pauses. */
async function proxyKilled(ward: Ward): Promise<number> {
  const running = runningProcess(placeOf(ward.dataDir))
  if (!running) throw new Error('No proxy runs.')
  const began = performance.now()
  process.kill(running.pid, 'SIGKILL')
  await until('the proxy is gone', () => !isRunning(running.pid))
  await pidThatAnswers(ward)
  const tookMs = performance.now() - began
  await pidThatAnswers(ward, 'served')
  return tookMs
}

function figureOf(figure: string, tookMs: readonly number[], more: Record<string, unknown> = {}): Figure {
  const value = rounded(percentile(tookMs, 0.95), 0)
  return {
    figure,
    value,
    reach: `<= ${reachMs}`,
    ok: value <= reachMs,
    samples: tookMs.length,
    p50_ms: rounded(percentile(tookMs, 0.5), 0),
    highest_ms: rounded(Math.max(...tookMs), 0),
    ...more,
  }
}

/** Two instances of two replicas each of the shop's api, brought up by a control plane that is closed again. */
async function openWard(cleanup: AsyncDisposableStack): Promise<Ward> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const shop = await buildShop(join(folder, 'images'))
  const dataDir = join(folder, 'data')
  cleanup.defer(() => stopProxy(dataDir))
  cleanup.defer(() => removeAll(dataDir))
  const slipway = await createSlipway({ dataDir })
  try {
    const acme = slipway.as({ tenantId: 'acme', subject: 'bench' })
    for (const name of ['watched', 'served']) {
      const services = [{ ...apiOf(shop['api-1']), replicas: 2 }]
      await succeeded(acme, (await acme.instances.create({ name, services })).deployment)
    }
    return { dataDir, front: slipway.front, env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') } }
  } finally {
    await slipway.close()
  }
}

async function removeAll(dataDir: string): Promise<void> {
  const slipway = await createSlipway({ dataDir })
  try {
    const acme = slipway.as({ tenantId: 'acme', subject: 'bench' })
    for (const { id } of (await acme.instances.list()).items) await succeeded(acme, await acme.instances.delete(id))
  } finally {
    await slipway.close()
  }
}

async function startPlane({ dataDir, env }: Ward): Promise<ChildProcess> {
  const child = fork(new URL('./plane.ts', import.meta.url), [dataDir], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env,
  })
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`The control plane ended before it was up: ${signal ?? `exit code ${code}`}`)
  })
  ended.catch((error: unknown) => void error) // because once it is up, its end is what is wanted
  await Promise.race([once(child, 'message'), ended])
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Asks, each time on a connection of its own, until a replica answers; which it was. */
async function pidThatAnswers({ front }: Ward, instance: 'watched' | 'served' = 'watched'): Promise<number> {
  return await until('the front answers', () => ask(front, hostOf(instance)))
}

function hostOf(instance: 'watched' | 'served'): string {
  return `api.${instance}.acme.localhost`
}

function ask(front: Ward['front'], host: string): Promise<number | undefined> {
  return new Promise(resolve => {
    request({ ...front, agent: false, headers: { host }, timeout: 1000 }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', error => resolve(void error)) // because no answer is the answer
      response.on('end', () =>
        resolve(response.statusCode === 200 ? (JSON.parse(text) as { pid: number }).pid : undefined),
      )
    })
      .on('timeout', function (this: { destroy(): void }) {
        this.destroy()
      })
      .on('error', error => resolve(void error)) // because no answer is the answer
      .on('close', () => resolve(undefined))
      .end()
  })
}

async function until<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  for (const end = performance.now() + stuckAfterMs; performance.now() < end; await delay(5)) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
  }
  throw new Error(`Not within ${stuckAfterMs} ms: ${what}`)
}
