import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createServer } from '../src/server/index.ts'
import { type Figure, median, percentile, rounded } from './figure.ts'
import { apiOf, type Place } from './place.ts'
import { installPackage, root } from './program.ts'

const run = promisify(execFile)
const reachMs = 300
const names = ['blue', 'green', 'red']

/**
 * How long `slipway ps` takes, each time as a process of its own, against a server that runs: of the installed package, and of the checkout
 * beside it. In turns with the floor: a Node that does nothing.
 */
export async function benchPs({ slipway, shop, open }: Place, samples: number): Promise<Figure> {
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const server = createServer(slipway)
  cleanup.defer(() => server.close())
  const { url } = await server.listen({ port: 0 })
  const { secret } = await slipway.issueOperatorToken('bench')
  await Promise.all(names.map(name => open({ name, services: [apiOf(shop['api-1'])] })))

  const env = {
    // The commands begin with `#!/usr/bin/env node`.
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    SLIPWAY_URL: url,
    SLIPWAY_TOKEN: secret,
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  }
  const ps = async (bin: string): Promise<number> => {
    const began = performance.now()
    const { stdout } = await run(bin, ['ps'], { env })
    const tookMs = performance.now() - began
    for (const name of names) if (!stdout.includes(name)) throw new Error(`${name} is not in what ps tells:\n${stdout}`)
    return tookMs
  }
  const floor = async (): Promise<number> => {
    const began = performance.now()
    await run(process.execPath, ['--eval', ''], { env })
    return performance.now() - began
  }

  const installed = await installPackage(join(folder, 'package'))
  const checkout = join(root, 'bin/slipway.js')
  // What Node compiles it keeps, so the very first one is told apart.
  const [first, firstOfCheckout] = [await ps(installed), await ps(checkout)]
  const took = { floor: [] as number[], installed: [] as number[], checkout: [] as number[] }
  for (let turn = 0; turn < samples; turn++) {
    took.floor.push(await floor())
    took.installed.push(await ps(installed))
    took.checkout.push(await ps(checkout))
  }
  const value = median(took.installed)
  const floorMs = median(took.floor)
  return {
    figure: 'ps_cold_start_ms',
    value: rounded(value, 0),
    reach: `<= ${reachMs}`,
    ok: value <= reachMs,
    samples,
    instances: names.length,
    p95_ms: rounded(percentile(took.installed, 0.95), 0),
    lowest_ms: rounded(Math.min(...took.installed), 0),
    first_ms: rounded(first, 0),
    floor_ms: rounded(floorMs, 0),
    over_floor: rounded(value / floorMs),
    checkout_ms: rounded(median(took.checkout), 0),
    checkout_first_ms: rounded(firstOfCheckout, 0),
  }
}
